//! Secrets in AWS Secrets Manager.

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::RequestId;
use aws_sdk_secretsmanager::types::Tag;
use secrecy::{ExposeSecret, SecretString};

use crate::sdk::{SdkFailure, failure};
use store::secrets::{Secrets, SecretsError};

const NOT_FOUND: Option<&str> = Some("ResourceNotFoundException");
const EXISTS: Option<&str> = Some("ResourceExistsException");
/// Error code of a creation while an earlier secret with that name is being deleted.
const BEING_DELETED: Option<&str> = Some("InvalidRequestException");

/// Secrets in AWS Secrets Manager.
pub struct SecretsManager {
    client: Client,
    /// The KMS key of new secrets; `None` is AWS's own.
    key_arn: Option<String>,
}

impl SecretsManager {
    /// Returns the secrets of this client's account.
    pub fn new(client: Client) -> Self {
        Self { client, key_arn: None }
    }

    /// Creates new secrets under this KMS key.
    pub fn with_key(self, key_arn: Option<String>) -> Self {
        Self { key_arn, ..self }
    }

    async fn create(&self, name: &str, value: &SecretString) -> Result<(), SecretsError> {
        let created = self
            .client
            .create_secret()
            .name(name)
            .secret_string(value.expose_secret())
            .set_kms_key_id(self.key_arn.clone())
            .set_tags(Some(tags(name)))
            .send()
            .await;
        match created {
            Ok(_) => Ok(()),
            // Another writer created it in the meantime.
            Err(error) if error.code() == EXISTS => {
                let put = self
                    .client
                    .put_secret_value()
                    .secret_id(name)
                    .secret_string(value.expose_secret());
                put.send().await.map(drop).map_err(|error| classified(name, &error))
            }
            // The deletion ends without us, so a later try succeeds.
            Err(error) if error.code() == BEING_DELETED => Err(SecretsError::Busy {
                name: name.to_owned(),
                why: "its name is still being deleted".to_owned(),
            }),
            Err(error) => Err(classified(name, &error)),
        }
    }
}

#[async_trait]
impl Secrets for SecretsManager {
    async fn get(&self, name: &str) -> Result<Option<SecretString>, SecretsError> {
        match self.client.get_secret_value().secret_id(name).send().await {
            Ok(answer) => Ok(answer.secret_string.map(SecretString::from)),
            Err(error) if error.code() == NOT_FOUND => Ok(None),
            Err(error) => Err(classified(name, &error)),
        }
    }

    async fn put(&self, name: &str, value: SecretString) -> Result<(), SecretsError> {
        match self
            .client
            .put_secret_value()
            .secret_id(name)
            .secret_string(value.expose_secret())
            .send()
            .await
        {
            Ok(_) => Ok(()),
            // Nearly every write renews a secret, so creating one is the second try.
            Err(error) if error.code() == NOT_FOUND => self.create(name, &value).await,
            Err(error) => Err(classified(name, &error)),
        }
    }

    async fn delete(&self, name: &str) -> Result<(), SecretsError> {
        match self
            .client
            .delete_secret()
            .secret_id(name)
            // Tokens of a tenant that left must not wait for a month.
            .force_delete_without_recovery(true)
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if error.code() == NOT_FOUND => Ok(()),
            Err(error) => Err(classified(name, &error)),
        }
    }
}

/// Returns the tags of a tenant's secret, for inventory and costs.
fn tags(name: &str) -> Vec<Tag> {
    let (deployment, tenant) = name.split_once("/tenant/").unwrap_or((name, ""));
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    vec![tag("deployment", deployment), tag("tenant", tenant)]
}

fn classified<E>(name: &str, error: &SdkError<E, HttpResponse>) -> SecretsError
where
    E: std::error::Error + ProvideErrorMetadata + RequestId + 'static,
{
    let name = name.to_owned();
    match failure(error) {
        SdkFailure::Busy(why) => SecretsError::Busy { name, why },
        SdkFailure::Refused(why) => SecretsError::Refused { name, why },
    }
}
