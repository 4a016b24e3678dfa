"""What an organization's analyzer found is told to its administrator alone, and of members alone. On a platform of its own."""

import pytest

from harness.platform import Platform
from support import eventually, refused, trust

STRANGER = "222222222222"
SERVICE = "access-analyzer.amazonaws.com"


@pytest.fixture
def own(tmp_path):
    with Platform(tmp_path / "organization") as made:
        yield made


def of(own, account, courier):
    """Clients of a member's administrator, by service."""
    keys = courier.assume_role(RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="admin")["Credentials"]
    return lambda service: own.client(service, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


def test_findings_end_with_the_right_to_them(own):
    org = own.client("organizations")
    org.create_organization(FeatureSet="ALL")
    org.enable_aws_service_access(ServicePrincipal=SERVICE)
    made = lambda name: org.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]["AccountId"]
    security, team = made("security"), made("team")
    courier = own.client("sts", *own.user("courier", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))
    watcher, watched = of(own, security, courier), of(own, team, courier)
    org.register_delegated_administrator(AccountId=security, ServicePrincipal=SERVICE)
    watched("iam").create_role(RoleName="open", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{STRANGER}:root"}))
    role = f"arn:aws:iam::{team}:role/open"
    analyzer = watcher("accessanalyzer")
    arn = analyzer.create_analyzer(analyzerName="all", type="ORGANIZATION")["arn"]
    unused = analyzer.create_analyzer(analyzerName="unused", type="ORGANIZATION_UNUSED_ACCESS")["arn"]
    finding = eventually(lambda: [one for one in analyzer.list_findings_v2(analyzerArn=arn)["findings"] if one["resource"] == role])[0]["id"]
    wanted = {role: {"iamRole": {"trustPolicy": trust({"AWS": STRANGER})}}}
    preview = analyzer.create_access_preview(analyzerArn=arn, configurations=wanted)["id"]
    by_findings = {"analyzerArn": arn, "id": finding}
    by_preview = {"analyzerArn": arn, "accessPreviewId": preview}
    reads = [
        (analyzer.list_findings, {"analyzerArn": arn}), (analyzer.list_findings_v2, {"analyzerArn": arn}), (analyzer.list_findings_v2, {"analyzerArn": unused}),
        (analyzer.get_finding, by_findings), (analyzer.get_finding_v2, by_findings), (analyzer.get_findings_statistics, {"analyzerArn": arn}),
        (analyzer.list_analyzed_resources, {"analyzerArn": arn}), (analyzer.get_analyzed_resource, {"analyzerArn": arn, "resourceArn": role}),
        (analyzer.start_resource_scan, {"analyzerArn": arn, "resourceArn": role}), (analyzer.update_findings, {"analyzerArn": arn, "ids": [finding], "status": "ACTIVE"}),
        (analyzer.list_access_previews, {"analyzerArn": arn}), (analyzer.get_access_preview, by_preview), (analyzer.list_access_preview_findings, by_preview),
        (analyzer.create_access_preview, {"analyzerArn": arn, "configurations": wanted}),
    ]
    for call, arguments in reads:
        call(**arguments)
    recommendations = [analyzer.generate_finding_recommendation, analyzer.get_finding_recommendation]
    refused(recommendations[0], "ResourceNotFoundException", analyzerArn=unused, id="none")

    def nothing_is_told(reason):
        for call, arguments in reads:
            refused(call, "AccessDeniedException", **arguments)
        for call in recommendations:
            refused(call, "AccessDeniedException", analyzerArn=unused, id="none")
        shown = analyzer.get_analyzer(analyzerName="all")["analyzer"]
        assert (shown["status"], shown["statusReason"]["code"]) == ("DISABLED", reason) and "lastResourceAnalyzed" not in shown

    org.deregister_delegated_administrator(AccountId=security, ServicePrincipal=SERVICE)
    nothing_is_told("DELEGATED_ADMINISTRATOR_DEREGISTERED")
    org.register_delegated_administrator(AccountId=security, ServicePrincipal=SERVICE)
    assert analyzer.get_finding_v2(analyzerArn=arn, id=finding)["resource"] == role
    org.disable_aws_service_access(ServicePrincipal=SERVICE)
    nothing_is_told("AWS_SERVICE_ACCESS_DISABLED")
    org.enable_aws_service_access(ServicePrincipal=SERVICE)

    # A member that leaves takes with it what was found about it.
    administrators = org.list_delegated_administrators(ServicePrincipal=SERVICE)["DelegatedAdministrators"]
    if not administrators:
        org.register_delegated_administrator(AccountId=security, ServicePrincipal=SERVICE)
    assert analyzer.get_finding_v2(analyzerArn=arn, id=finding)["resource"] == role
    watched("organizations").leave_organization()
    for round in range(2):
        for kind, call in (("findings", analyzer.list_findings_v2), ("findings", analyzer.list_findings), ("analyzedResources", analyzer.list_analyzed_resources)):
            assert [one for one in call(analyzerArn=arn)[kind] if one["resourceOwnerAccount"] == team] == []
        refused(analyzer.get_finding_v2, "ResourceNotFoundException", **by_findings)
        refused(analyzer.get_analyzed_resource, "ResourceNotFoundException", analyzerArn=arn, resourceArn=role)
        refused(analyzer.get_access_preview, "ResourceNotFoundException", **by_preview)
        watched("iam").create_role(RoleName=f"later-{round}", AssumeRolePolicyDocument=trust({"AWS": STRANGER}))
        inside = f"before-{round}"
        watcher("iam").create_role(RoleName=inside, AssumeRolePolicyDocument=trust({"AWS": STRANGER}))
        eventually(lambda: [one for one in analyzer.list_findings_v2(analyzerArn=arn)["findings"] if one["resource"].endswith(inside)])

    org.deregister_delegated_administrator(AccountId=security, ServicePrincipal=SERVICE)
    watcher("organizations").leave_organization()
    nothing_is_told("ORGANIZATION_DELETED")
