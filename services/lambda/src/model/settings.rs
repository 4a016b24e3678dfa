//! What a function's configuration may be.
//!
//! Lengths and patterns that the API's model states were checked before; here is what it does not state, and every
//! member that this platform does not act on: refused unless it says what is the case anyway.

use crate::api::{
    CapacityProviderConfig, CreateFunctionRequest, DeadLetterConfig, DurableConfig, Environment,
    FileSystemConfig, ImageConfig, SnapStart, TenancyConfig, UpdateFunctionConfigurationRequest, VpcConfig,
};
use crate::error::Error;

/// The longest time-out, in seconds.
const TIMEOUT_SECS_MAX: i64 = 900;
/// The most memory, in MiB.
const MEMORY_MIB_MAX: i64 = 10_240;
/// All environment variables together, as JSON.
const ENVIRONMENT_BYTES_MAX: usize = 4 * 1024;

/// Members that need a feature that is not there.
#[derive(Default)]
pub(crate) struct Unsupported<'a> {
    pub(crate) vpc_config: Option<&'a VpcConfig>,
    pub(crate) dead_letter_config: Option<&'a DeadLetterConfig>,
    pub(crate) kms_key_arn: Option<&'a str>,
    pub(crate) file_system_configs: Option<&'a [FileSystemConfig]>,
    pub(crate) image_config: Option<&'a ImageConfig>,
    pub(crate) snap_start: Option<&'a SnapStart>,
    pub(crate) capacity_provider_config: Option<&'a CapacityProviderConfig>,
    pub(crate) durable_config: Option<&'a DurableConfig>,
    pub(crate) tenancy_config: Option<&'a TenancyConfig>,
    pub(crate) publish_to: Option<&'a str>,
}

impl<'a> From<&'a CreateFunctionRequest> for Unsupported<'a> {
    fn from(request: &'a CreateFunctionRequest) -> Self {
        Self {
            vpc_config: request.vpc_config.as_ref(),
            dead_letter_config: request.dead_letter_config.as_ref(),
            kms_key_arn: request.kms_key_arn.as_deref(),
            file_system_configs: request.file_system_configs.as_deref(),
            image_config: request.image_config.as_ref(),
            snap_start: request.snap_start.as_ref(),
            capacity_provider_config: request.capacity_provider_config.as_ref(),
            durable_config: request.durable_config.as_ref(),
            tenancy_config: request.tenancy_config.as_ref(),
            publish_to: request.publish_to.as_deref(),
        }
    }
}

impl<'a> From<&'a UpdateFunctionConfigurationRequest> for Unsupported<'a> {
    fn from(request: &'a UpdateFunctionConfigurationRequest) -> Self {
        Self {
            vpc_config: request.vpc_config.as_ref(),
            dead_letter_config: request.dead_letter_config.as_ref(),
            kms_key_arn: request.kms_key_arn.as_deref(),
            file_system_configs: request.file_system_configs.as_deref(),
            image_config: request.image_config.as_ref(),
            snap_start: request.snap_start.as_ref(),
            capacity_provider_config: request.capacity_provider_config.as_ref(),
            durable_config: request.durable_config.as_ref(),
            ..Self::default()
        }
    }
}

impl Unsupported<'_> {
    /// Refuses the first member that asks for something that is not there.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let is_set = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
        let vpc = self.vpc_config.is_some_and(|vpc| {
            let has = |ids: &Option<Vec<String>>| ids.as_ref().is_some_and(|ids| !ids.is_empty());
            has(&vpc.subnet_ids)
                || has(&vpc.security_group_ids)
                || vpc.ipv6_allowed_for_dual_stack == Some(true)
        });
        let dead_letter = self.dead_letter_config.is_some_and(|config| is_set(config.target_arn.as_deref()));
        let snap_start =
            self.snap_start.is_some_and(|config| config.apply_on.as_deref().is_some_and(|on| on != "None"));
        let members = [
            ("VpcConfig", vpc),
            ("DeadLetterConfig", dead_letter),
            ("KMSKeyArn", is_set(self.kms_key_arn)),
            ("FileSystemConfigs", self.file_system_configs.is_some_and(|configs| !configs.is_empty())),
            ("ImageConfig", self.image_config.is_some()),
            ("SnapStart", snap_start),
            ("CapacityProviderConfig", self.capacity_provider_config.is_some()),
            ("DurableConfig", self.durable_config.is_some()),
            ("TenancyConfig", self.tenancy_config.is_some()),
            ("PublishTo", self.publish_to.is_some()),
        ];
        match members.iter().find(|(_, is_asked_for)| *is_asked_for) {
            Some((name, _)) => Err(not_supported(name)),
            None => Ok(()),
        }
    }
}

/// A member that this platform does not act on.
pub(crate) fn not_supported(member: &str) -> Error {
    Error::InvalidParameterValue(format!("{member} is not supported on this platform yet."))
}

/// Refuses a time-out over the limit.
pub(crate) fn check_timeout(secs: i64) -> Result<(), Error> {
    if secs <= TIMEOUT_SECS_MAX {
        return Ok(());
    }
    Err(Error::Validation(format!(
        "1 validation error detected: Value '{secs}' at 'timeout' failed to satisfy constraint: \
         Member must have value less than or equal to {TIMEOUT_SECS_MAX}"
    )))
}

/// Refuses memory over the limit.
pub(crate) fn check_memory(mib: i64) -> Result<(), Error> {
    if mib <= MEMORY_MIB_MAX {
        return Ok(());
    }
    Err(Error::InvalidParameterValue(format!(
        "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to {MEMORY_MIB_MAX}"
    )))
}

/// Refuses architectures that this machine does not have, for what is not `portable`.
pub(crate) fn check_architectures(asked: Option<&[String]>, portable: bool) -> Result<(), Error> {
    match asked {
        None | Some([]) => Ok(()),
        Some([one]) if portable || one == ARCHITECTURE => Ok(()),
        Some([other]) => Err(Error::InvalidParameterValue(format!(
            "Architecture {other} is not available on this machine; it runs {ARCHITECTURE}."
        ))),
        Some(_) => Err(Error::InvalidParameterValue("Only one architecture may be given.".to_owned())),
    }
}

/// The architecture that was asked for, where it is not this machine's.
pub(crate) fn foreign(asked: Option<Vec<String>>) -> Option<String> {
    asked.and_then(|asked| asked.into_iter().next()).filter(|asked| asked != ARCHITECTURE)
}

/// The architecture of this machine, in Lambda's words.
pub const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };

/// The function's environment variables, checked, in the order of their names.
pub(crate) fn variables(environment: Option<Environment>) -> Result<Vec<(String, String)>, Error> {
    let entries = environment.and_then(|environment| environment.variables);
    let mut variables: Vec<(String, String)> = entries.map_or_else(Vec::new, |entries| {
        entries.into_exposed().into_iter().map(|(name, value)| (name, value.into_exposed())).collect()
    });
    variables.sort();
    let refused: Vec<&str> = variables
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| compute::RESERVED_VARIABLES.contains(name))
        .collect();
    if !refused.is_empty() {
        return Err(Error::InvalidParameterValue(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have \
             provided contains reserved keys that are currently not supported for modification. Reserved keys used in \
             this request: {}",
            refused.join(", ")
        )));
    }
    // Four quotes, a colon and a comma or the last brace each, and the first brace: the JSON object that AWS measures. Unlike AWS's,
    // the refusal does not repeat it: it may hold a secret.
    let bytes = variables.iter().fold(1, |bytes, (name, value)| bytes + name.len() + value.len() + 6);
    if bytes > ENVIRONMENT_BYTES_MAX {
        return Err(Error::InvalidParameterValue(
            "Lambda was unable to configure your environment variables because the environment variables you have \
             provided exceeded the 4KB limit."
                .to_owned(),
        ));
    }
    if variables.iter().any(|(_, value)| value.contains('\0')) {
        return Err(Error::InvalidParameterValue("An environment variable contains a NUL.".to_owned()));
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use protocol::{Entries, Sensitive};

    use super::*;

    fn environment(entries: &[(&str, &str)]) -> Option<Environment> {
        let entries: Entries<Sensitive<String>> =
            entries.iter().map(|(k, v)| ((*k).to_owned(), Sensitive::new((*v).to_owned()))).collect();
        Some(Environment { variables: Some(Sensitive::new(entries)) })
    }

    #[test]
    fn variables_are_bounded_and_reserved_names_refused() {
        assert_eq!(variables(None).unwrap(), []);
        let set = variables(environment(&[("B", "2"), ("A", "1")])).unwrap();
        assert_eq!(set, [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "2".to_owned())]);
        for reserved in ["AWS_REGION", "AWS_SESSION_TOKEN", "_HANDLER"] {
            let error = variables(environment(&[(reserved, "x")])).unwrap_err().to_string();
            assert!(error.ends_with(&format!("this request: {reserved}")), "{error}");
        }
        assert!(variables(environment(&[("A", &"x".repeat(4_088))])).is_ok(), "4,096 bytes with its braces");
        assert!(variables(environment(&[("A", &"x".repeat(4_089))])).is_err());
        let error = variables(environment(&[("A", &"secret".repeat(1_000))])).unwrap_err().to_string();
        assert!(error.contains("4KB") && !error.contains("secret"));
    }

    #[test]
    fn members_without_effect_are_refused_unless_they_ask_for_nothing() {
        assert!(Unsupported::default().check().is_ok());
        let empty_vpc = VpcConfig::default();
        assert!(Unsupported { vpc_config: Some(&empty_vpc), ..Unsupported::default() }.check().is_ok());
        let error = Unsupported { kms_key_arn: Some("arn"), ..Unsupported::default() }.check().unwrap_err();
        assert!(error.to_string().contains("KMSKeyArn is not supported"));
    }

    #[test]
    fn limits_are_lambdas() {
        assert!(check_timeout(900).is_ok() && check_timeout(901).is_err());
        assert!(check_memory(10_240).is_ok() && check_memory(10_241).is_err());
        let other = if ARCHITECTURE == "arm64" { "x86_64" } else { "arm64" };
        assert!(check_architectures(Some(&[ARCHITECTURE.to_owned()]), false).is_ok());
        assert!(check_architectures(Some(&[other.to_owned()]), false).is_err());
        assert!(check_architectures(Some(&[other.to_owned()]), true).is_ok());
        assert!(check_architectures(Some(&[other.to_owned(), ARCHITECTURE.to_owned()]), true).is_err());
    }
}
