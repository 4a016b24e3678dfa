use serde_json::json;

use super::*;

fn rules() -> Rules {
    let deny = r#"
        [licenses]
        allow = ["MIT"]
        [bans]
        deny = [{ crate = "ring" }, { crate = "hyper", wrappers = ["edge"] }]
    "#;
    Rules::of(&deny.parse().unwrap()).unwrap()
}

fn package(name: &str, licence: Option<&str>, source: Option<&str>, parents: &[&str]) -> Package {
    Package {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        licence: licence.map(str::to_owned),
        source: source.map(str::to_owned),
        parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
    }
}

#[test]
fn what_breaks_a_rule_is_named() {
    let (mit, index) = (Some("MIT"), Some(REGISTRY));
    for (package, problem) in [
        (package("serde", mit, index, &["base"]), None),
        (package("base", mit, None, &[]), None),
        (package("hyper", mit, index, &["edge"]), None),
        (package("hyper", mit, index, &["edge", "iam"]), Some("hyper 1.0.0 may not be used by iam")),
        (package("ring", mit, index, &["rustls"]), Some("ring 1.0.0 is banned; rustls depends on it")),
        (package("a", None, index, &[]), Some("a 1.0.0 declares no licence")),
        (package("a", Some("GPL-3.0"), index, &[]), Some("a 1.0.0: its licence is not allowed: GPL-3.0")),
        (package("a", mit, Some("git+https://b"), &[]), Some("a 1.0.0 comes from git+https://b")),
    ] {
        let problems: Vec<String> = problem.into_iter().map(str::to_owned).collect();
        assert_eq!(rules().broken_by(&package), problems);
    }
}

#[test]
fn only_what_is_built_is_judged() {
    let metadata = json!({
        "packages": [
            {"id": "x", "name": "edge", "version": "1.0.0", "license": "MIT", "source": null},
            {"id": "y", "name": "hyper", "version": "1.0.0", "license": "MIT", "source": REGISTRY},
            {"id": "r", "name": "ring", "version": "1.0.0", "license": "MIT", "source": REGISTRY},
            {"id": "z", "name": "windows", "version": "1.0.0", "license": "Other", "source": REGISTRY},
        ],
        "resolve": {"nodes": [{"id": "y", "dependencies": []}, {"id": "x", "dependencies": ["y", "r"]}, {"id": "r"}]},
    });
    let mut packages = BTreeMap::new();
    let built = built("edge v1.0.0 (/here)\nhyper v1.0.0\nhyper v1.0.0 (*)\n");
    collect(&metadata, &built, &mut packages);
    assert_eq!(packages.keys().collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(packages["y"].parents.iter().collect::<Vec<_>>(), ["edge"]);
    assert!(packages.values().all(|package| rules().broken_by(package).is_empty()));
}
