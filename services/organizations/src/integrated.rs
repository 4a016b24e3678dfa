//! The services that AWS lets an organization trust, by their principals. It trusts none of them.
//!
//! From <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_integrate_services_list.html>. Most of them are not
//! offered here: what sets an organization up names them all the same.

/// In order.
const PRINCIPALS: [&str; 63] = [
    "access-analyzer.amazonaws.com",
    "account.amazonaws.com",
    "agreement-marketplace.amazonaws.com",
    "application-signals.cloudwatch.amazonaws.com",
    "auditmanager.amazonaws.com",
    "aws-artifact-account-sync.amazonaws.com",
    "aws-license-manager.amazonaws.com",
    "backup.amazonaws.com",
    "bcm-data-exports.amazonaws.com",
    "billing-cost-management.amazonaws.com",
    "cloudtrail.amazonaws.com",
    "compute-optimizer.amazonaws.com",
    "config-multiaccountsetup.amazonaws.com",
    "config.amazonaws.com",
    "controltower.amazonaws.com",
    "cost-optimization-hub.bcm.amazonaws.com",
    "detective.amazonaws.com",
    "devops-guru.amazonaws.com",
    "ds.amazonaws.com",
    "ec2.amazonaws.com",
    "fms.amazonaws.com",
    "guardduty.amazonaws.com",
    "health.amazonaws.com",
    "iam.amazonaws.com",
    "inspector2.amazonaws.com",
    "internetmonitor.amazonaws.com",
    "ipam.amazonaws.com",
    "ivs.amazonaws.com",
    "license-management.marketplace.amazonaws.com",
    "license-manager-linux-subscriptions.amazonaws.com",
    "license-manager.amazonaws.com",
    "license-manager.member-account.amazonaws.com",
    "macie.amazonaws.com",
    "malware-protection.guardduty.amazonaws.com",
    "member.org.stacksets.cloudformation.amazonaws.com",
    "networkflowmonitor.amazonaws.com",
    "networkmanager.amazonaws.com",
    "notifications.amazonaws.com",
    "observabilityadmin.amazonaws.com",
    "opsdatasync.ssm.amazonaws.com",
    "ram.amazonaws.com",
    "reachabilityanalyzer.networkinsights.amazonaws.com",
    "reporting.trustedadvisor.amazonaws.com",
    "resource-explorer-2.amazonaws.com",
    "resource-groups.amazonaws.com",
    "rolesanywhere.amazonaws.com",
    "security-ir.amazonaws.com",
    "securityagent.amazonaws.com",
    "securityhub.amazonaws.com",
    "securitylake.amazonaws.com",
    "servicecatalog.amazonaws.com",
    "servicequotas.amazonaws.com",
    "ssm-quicksetup.amazonaws.com",
    "ssm.amazonaws.com",
    "sso.amazonaws.com",
    "stacksets.cloudformation.amazonaws.com",
    "storage-lens.s3.amazonaws.com",
    "support.amazonaws.com",
    "supportapp.amazonaws.com",
    "tagpolicies.tag.amazonaws.com",
    "user-notifications.amazonaws.com",
    "vpc-lattice.amazonaws.com",
    "wellarchitected.amazonaws.com",
];

/// True for the principal of a service that can be trusted with an organization.
pub(crate) fn is_integrated(principal: &str) -> bool {
    PRINCIPALS.binary_search(&principal).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_known_by_their_whole_name() {
        assert!(PRINCIPALS.is_sorted());
        assert!(PRINCIPALS.iter().all(|principal| is_integrated(principal)));
        for other in [
            "nonsense.amazonaws.com",
            "amazonaws.com",
            "",
            "SSO.amazonaws.com",
            "sso.amazonaws.com.example.org",
        ] {
            assert!(!is_integrated(other), "{other}");
        }
    }
}
