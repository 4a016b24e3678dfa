//! The ways to more power that are published and well known: sets of actions, all of which are needed.
//!
//! What they lead to depends on what there is to take; that something is there is assumed.

/// What a service does under any role that is passed to it.
const UNDER_ANY_ROLE: &str = "run code under any role";
const MACHINES: &str = "run machines under any role";
const RESOURCES: &str = "make resources under any role";

/// Each way: its actions in lower case, and what they do together.
pub(super) const WAYS: [(&[&str], &str); 53] = [
    (&["iam:createpolicyversion"], "write a new version of a policy that is attached"),
    (&["iam:setdefaultpolicyversion"], "go back to an older, wider version of a policy"),
    (&["iam:attachuserpolicy"], "attach any policy to a user"),
    (&["iam:attachgrouppolicy"], "attach any policy to a group"),
    (&["iam:attachrolepolicy"], "attach any policy to a role"),
    (&["iam:putuserpolicy"], "write a policy into a user"),
    (&["iam:putgrouppolicy"], "write a policy into a group"),
    (&["iam:putrolepolicy"], "write a policy into a role"),
    (&["iam:addusertogroup"], "join a more powerful group"),
    (&["iam:createaccesskey"], "make keys of other users"),
    (&["iam:createloginprofile"], "set passwords of other users"),
    (&["iam:updateloginprofile"], "change passwords of other users"),
    (&["iam:createvirtualmfadevice", "iam:enablemfadevice"], "be the second factor of other users"),
    (&["iam:createservicespecificcredential"], "make credentials of other users"),
    (&["iam:resetservicespecificcredential"], "take over credentials of other users"),
    (&["iam:updateassumerolepolicy", "sts:assumerole"], "let itself into any role"),
    (&["sts:assumerole"], "become every role that trusts its account"),
    (&["organizations:detachpolicy"], "take the organization's limits away"),
    (&["organizations:updatepolicy"], "rewrite the organization's limits"),
    (&["organizations:leaveorganization"], "leave the organization and its limits"),
    (&["fastness:setobservemode"], "let roles do what their policies lack"),
    (&["iam:createopenidconnectprovider", "iam:updateassumerolepolicy"], "let strangers into any role"),
    (&["iam:createsamlprovider", "iam:updateassumerolepolicy"], "let strangers into any role"),
    (&["iam:updatesamlprovider"], "let strangers into the roles that trust a provider"),
    (&["iam:deleterolepermissionsboundary"], "take its boundary away"),
    (&["iam:deleteuserpermissionsboundary"], "take its boundary away"),
    (&["iam:putrolepermissionsboundary"], "put a wider boundary in the place of its own"),
    (&["iam:putuserpermissionsboundary"], "put a wider boundary in the place of its own"),
    (&["iam:deleterolepolicy"], "take away policies that deny"),
    (&["iam:deleteuserpolicy"], "take away policies that deny"),
    (&["iam:detachrolepolicy"], "take away policies that deny"),
    (&["iam:detachuserpolicy"], "take away policies that deny"),
    (&["iam:passrole", "lambda:createfunction", "lambda:invokefunction"], UNDER_ANY_ROLE),
    (&["iam:passrole", "lambda:createfunction", "lambda:createeventsourcemapping"], UNDER_ANY_ROLE),
    (&["iam:passrole", "lambda:createfunction", "lambda:addpermission"], UNDER_ANY_ROLE),
    (&["iam:passrole", "lambda:createfunction", "lambda:createfunctionurlconfig"], UNDER_ANY_ROLE),
    (&["lambda:updatefunctioncode"], "run code under the roles of other functions"),
    (&["lambda:updatefunctionconfiguration"], "run a layer of its own under the roles of other functions"),
    (&["iam:passrole", "cloudformation:createstack"], RESOURCES),
    (&["iam:passrole", "cloudformation:updatestack"], RESOURCES),
    (&["iam:passrole", "cloudformation:createchangeset", "cloudformation:executechangeset"], RESOURCES),
    (&["cloudformation:createstackset", "cloudformation:createstackinstances"], RESOURCES),
    (&["iam:passrole", "ec2:runinstances"], MACHINES),
    (&["iam:passrole", "ec2:associateiaminstanceprofile"], "give any role to a machine"),
    (&["iam:passrole", "ecs:registertaskdefinition", "ecs:runtask"], UNDER_ANY_ROLE),
    (&["iam:passrole", "codebuild:createproject", "codebuild:startbuild"], UNDER_ANY_ROLE),
    (&["iam:passrole", "states:createstatemachine", "states:startexecution"], "call services under any role"),
    (&["iam:passrole", "glue:createdevendpoint"], UNDER_ANY_ROLE),
    (&["iam:passrole", "glue:createjob", "glue:startjobrun"], UNDER_ANY_ROLE),
    (&["iam:passrole", "datapipeline:createpipeline", "datapipeline:putpipelinedefinition"], UNDER_ANY_ROLE),
    (
        &["iam:passrole", "sagemaker:createnotebookinstance", "sagemaker:createpresignednotebookinstanceurl"],
        UNDER_ANY_ROLE,
    ),
    (&["ssm:sendcommand"], "run commands on any machine, under its role"),
    (&["ssm:startsession"], "come into any machine, under its role"),
];

/// Actions that lead to more power on the principal itself as well: it, its group, or a policy that it has.
pub(super) const ON_ITSELF: [&str; 16] = [
    "iam:createpolicyversion",
    "iam:setdefaultpolicyversion",
    "iam:attachuserpolicy",
    "iam:attachgrouppolicy",
    "iam:attachrolepolicy",
    "iam:putuserpolicy",
    "iam:putgrouppolicy",
    "iam:putrolepolicy",
    "iam:deleterolepermissionsboundary",
    "iam:deleteuserpermissionsboundary",
    "iam:putrolepermissionsboundary",
    "iam:putuserpermissionsboundary",
    "iam:deleterolepolicy",
    "iam:deleteuserpolicy",
    "iam:detachrolepolicy",
    "iam:detachuserpolicy",
];

/// The service to which a way passes a role.
pub(super) fn passes_to(way: &[&str]) -> Option<String> {
    let other = way.iter().find(|action| **action != PASS_ROLE).filter(|_| way.contains(&PASS_ROLE))?;
    let service = other.split(':').next()?;
    Some(format!("{}.amazonaws.com", if service == "ecs" { "ecs-tasks" } else { service }))
}

pub(super) const PASS_ROLE: &str = "iam:passrole";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_made_of_actions_that_there_are() {
        let known = WAYS.iter().flat_map(|(actions, _)| *actions).filter_map(|action| action.split_once(':'));
        for (service, called) in known {
            let Some(facts) = protocol::authorization(service) else { continue };
            let is_one = facts.actions().any(|(name, _)| name.eq_ignore_ascii_case(called));
            assert!(is_one, "{service}:{called}");
        }
        let all: Vec<&str> = WAYS.iter().flat_map(|(actions, _)| *actions).copied().collect();
        assert!(ON_ITSELF.iter().all(|action| all.contains(action)));
        for (at, (actions, _)) in WAYS.iter().enumerate() {
            assert!(
                WAYS.iter().skip(at + 1).all(|(other, _)| other != actions),
                "{actions:?} is there twice"
            );
        }
    }
}
