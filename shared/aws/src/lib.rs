//! The only crate with the AWS SDK: DynamoDB, SQS, Secrets Manager and STS behind our traits.

pub mod batch;
pub mod clients;
pub mod config;
pub mod dynamo;
pub mod function;
pub mod log;
pub mod sdk;
pub mod secrets_manager;
pub mod sqs;
pub mod sts;
pub mod trace;
