//! Identity providers that many organizations share, and the condition key by which each tells them apart.
//!
//! A token of one proves that somebody is its customer, and nothing more: whoever trusts it names whose.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html>

/// The providers whose subject names the organization.
const BY_SUBJECT: [&str; 17] = [
    "agent.buildkite.com",
    "app.terraform.io",
    "gitlab.com",
    "oidc-configuration.audit-log.githubusercontent.com",
    "oidc.codefresh.io",
    "oidc.op1.openshiftapps.com/2c51blsaqa9gkjt0o9rt11mle8mmropu",
    "oidc.op1.openshiftapps.com/2f785sojlpb85i7402pk3qogugim5nfb",
    "proidc.upbound.io",
    "rh-oidc.s3.us-east-1.amazonaws.com/22ejnvnnturfmt6km08idd0nt4hekbn7",
    "rh-oidc.s3.us-east-1.amazonaws.com/23e3sd27sju1hoou6ohfs68vbno607tr",
    "rh-oidc.s3.us-east-1.amazonaws.com/23ne21h005qjl3n33d8dui5dlrmv2tmg",
    "rh-oidc.s3.us-east-1.amazonaws.com/24jrf12m5dj7ljlfb4ta2frhrcoadm26",
    "scalr.io",
    "studio.datachain.ai/api",
    GITHUB,
    "tokens.cloud.shisho.dev",
    "vstoken.actions.githubusercontent.com",
];
/// Those whose audience does.
const BY_AUDIENCE: [&str; 4] =
    ["api.pulumi.com/oidc", "cognito-identity.amazonaws.com", "oidc.vercel.com", "sandboxes.cloud"];
const GITHUB: &str = "token.actions.githubusercontent.com";
/// The claims in GitHub's subjects that tell whose the workflow is.
const OWNERS: [&str; 8] = [
    "enterprise",
    "enterprise_id",
    "job_workflow_ref",
    "repo",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
];
/// The one of Azure Sentinel, which tells its customers apart by the session's name.
const BY_SESSION: &str = "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d";

/// The condition key that tells a shared provider's customers apart; `None` for a provider that is not known to be shared.
pub fn control(provider: &str) -> Option<String> {
    let name = provider.split_once(":oidc-provider/").map_or(provider, |(_, name)| name).to_ascii_lowercase();
    match name.as_str() {
        BY_SESSION => Some("sts:RoleSessionName".to_owned()),
        known if BY_SUBJECT.contains(&known) => Some(format!("{name}:sub")),
        known if BY_AUDIENCE.contains(&known) => Some(format!("{name}:aud")),
        _ => None,
    }
}

/// True where a condition's value, of a key in lower case that [`control`] names, is one customer's: whole, or up to its first
/// wildcard with the customer's whole name in it: `repo:NAME/…`, `organization:NAME:…`. `repo:octo*` is also of whoever calls
/// himself `octopus`. `None` for other keys.
pub(crate) fn names_a_customer(key: &str, value: &str) -> Option<bool> {
    let (provider, claim) = key.rsplit_once(':')?;
    let (fixed, is_whole) = match value.split_once(['*', '?']) {
        Some((fixed, _)) => (fixed, false),
        None => (value, true),
    };
    match claim {
        "aud" if BY_AUDIENCE.contains(&provider) => Some(is_whole && !fixed.is_empty()),
        "sub" if provider == GITHUB => Some(names_an_owner(fixed, is_whole)),
        "sub" if BY_SUBJECT.contains(&provider) => {
            let name = fixed.split_once(':').and_then(|(_, rest)| rest.split_once([':', '/']));
            Some((is_whole && !fixed.is_empty()) || name.is_some_and(|(name, _)| !name.is_empty()))
        }
        _ => None,
    }
}

/// GitHub's subjects are claims with their values, which an organization chooses: every organization has a branch `main` and may
/// have an environment `prod`.
fn names_an_owner(fixed: &str, is_whole: bool) -> bool {
    let parts: Vec<&str> = fixed.split(':').collect();
    let pairs = parts.len().div_ceil(2);
    parts.chunks(2).enumerate().any(|(at, pair)| match pair {
        [claim, value] => {
            let (name, is_followed) = value.split_once('/').map_or((*value, false), |(name, _)| (name, true));
            OWNERS.contains(claim) && !name.is_empty() && (is_whole || is_followed || at + 1 < pairs)
        }
        _ => false,
    })
}
