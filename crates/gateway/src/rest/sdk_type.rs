//! The languages that AWS generates clients in, and what has to be said for each. Source:
//! <https://docs.aws.amazon.com/apigateway/latest/api/API_GetSdk.html>

use api::apigateway::{SdkConfigurationProperty, SdkType};

/// Name, name for people, what it is, whether it must be said.
type Property = (&'static str, &'static str, &'static str, bool);

const ANDROID: &[Property] = &[
    ("groupId", "Group ID", "The Maven group of the client", true),
    ("artifactId", "Artifact ID", "The Maven artifact of the client", true),
    ("artifactVersion", "Artifact version", "The version of the Maven artifact", true),
    ("invokerPackage", "Invoker package", "The Java package of the client", true),
];
const APPLE: &[Property] = &[("classPrefix", "Prefix", "What the names of classes begin with", true)];
const JAVA: &[Property] = &[
    ("service.name", "Service name", "The name of the service in the client", true),
    ("java.package-name", "Java package name", "The Java package of the client", true),
    ("java.build-system", "Java build system", "The build system of the client: maven or gradle", false),
    ("java.group-id", "Java group ID", "The Maven group of the client", false),
    ("java.artifact-id", "Java artifact ID", "The Maven artifact of the client", false),
    ("java.artifact-version", "Java artifact version", "The version of the Maven artifact", false),
];
const RUBY: &[Property] = &[("service.name", "Service name", "The name of the service in the client", true)];

const TYPES: &[(&str, &str, &[Property])] = &[
    ("android", "Android", ANDROID),
    ("java", "Java", JAVA),
    ("javascript", "JavaScript", &[]),
    ("objectivec", "iOS (Objective-C)", APPLE),
    ("ruby", "Ruby", RUBY),
    ("swift", "iOS (Swift)", APPLE),
];

pub(crate) fn all() -> Vec<SdkType> {
    let shown = |&(id, name, properties): &(&str, &str, &[Property])| SdkType {
        id: Some(id.to_owned()),
        friendly_name: Some(name.to_owned()),
        description: Some(format!("Generates a client in {name}")),
        configuration_properties: Some(properties.iter().map(property).collect()),
    };
    TYPES.iter().map(shown).collect()
}

fn property(&(name, friendly, description, required): &Property) -> SdkConfigurationProperty {
    SdkConfigurationProperty {
        name: Some(name.to_owned()),
        friendly_name: Some(friendly.to_owned()),
        description: Some(description.to_owned()),
        required: Some(required),
        default_value: None,
    }
}
