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
    "token.actions.githubusercontent.com",
    "tokens.cloud.shisho.dev",
    "vstoken.actions.githubusercontent.com",
];
/// Those whose audience does.
const BY_AUDIENCE: [&str; 4] =
    ["api.pulumi.com/oidc", "cognito-identity.amazonaws.com", "oidc.vercel.com", "sandboxes.cloud"];
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
    key.strip_suffix(":sub").filter(|provider| BY_SUBJECT.contains(provider))?;
    let Some((fixed, _)) = value.split_once(['*', '?']) else { return Some(!value.is_empty()) };
    let name = fixed.split_once(':').map(|(_, name)| name.split_once([':', '/']));
    Some(name.flatten().is_some_and(|(name, _)| !name.is_empty()))
}
