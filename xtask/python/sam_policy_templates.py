#!/usr/bin/env python3
"""Writes models/sam-policy-templates.json from the installed aws-sam-translator.

Facts only: for every SAM policy template its parameter names and its policy document, and the paths of the AWS
managed policies that may be named in `Policies`; for connectors what each pair of types may be granted, and what is
known of each type. Descriptions are dropped. `cargo xtask gen` calls this with the
output path; it needs `pip install aws-sam-translator`.
"""

import json
import sys


def compact() -> dict:
    import samtranslator
    from samtranslator.internal.managed_policies import get_bundled_managed_policy_map
    from samtranslator.model.connector_profiles.profile import PROFILE
    from samtranslator.policy_template_processor.processor import PolicyTemplatesProcessor

    templates = PolicyTemplatesProcessor.get_default_policy_templates_json()["Templates"]
    prefix = "arn:aws:iam::aws:policy/"
    managed = {}
    for name, arn in sorted(get_bundled_managed_policy_map("aws").items()):
        if not arn.startswith(prefix):
            raise SystemExit(f"an ARN of an unexpected form: {arn}")
        path = arn[len(prefix):]
        # Most policies stand at the root: their path is their name, and null says so.
        managed[name] = None if path == name else path
    return {
        "provenance": f"aws-sam-translator {samtranslator.__version__}, Apache-2.0",
        "templates": {
            name: {"parameters": sorted(body["Parameters"]), "document": body["Definition"]}
            for name, body in sorted(templates.items())
        },
        "managed": managed,
        "connectors": PROFILE["Permissions"],
        "connectorTypes": PROFILE["CfnResourceProperties"],
    }


def main() -> None:
    output = sys.argv[1] if len(sys.argv) > 1 else "models/sam-policy-templates.json"
    facts = compact()
    with open(output, "w", encoding="utf-8") as file:
        file.write('{"provenance":' + json.dumps(facts["provenance"]) + ',\n"templates":{\n')
        lines = (json.dumps(name) + ":" + json.dumps(body, separators=(",", ":"), sort_keys=True)
                 for name, body in facts["templates"].items())
        file.write(",\n".join(lines))
        file.write('\n},\n"managed":' + json.dumps(facts["managed"], separators=(",", ":")))
        # The order of access categories is the order in which they are told and granted.
        for name in ("connectors", "connectorTypes"):
            lines = (json.dumps(key) + ":" + json.dumps(body, separators=(",", ":")) for key, body in facts[name].items())
            file.write(',\n"' + name + '":{\n' + ",\n".join(lines) + "\n}")
        file.write("}\n")


if __name__ == "__main__":
    main()
