//! The operator's commands against the deployed table and secrets.

use std::process::Command;

use domain::ids::TenantId;

use super::scene::Scene;
use super::stack::Services;

impl Scene {
    /// Runs a command, and returns what it printed.
    fn operate(&self, arguments: &[&str]) -> Result<String, String> {
        let services = Services::from_env().unwrap();
        let binary = std::env::current_exe().unwrap();
        let binary = binary.parent().unwrap().parent().unwrap().join("operator");
        let ran = Command::new(binary)
            .args(arguments)
            .env_clear()
            .envs(&self.function("oauth").environment)
            .envs([("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "test")])
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_ENDPOINT_URL", &services.aws)
            .env("AWS_ENDPOINT_URL_DYNAMODB", &services.dynamodb)
            .output()
            .unwrap_or_else(|error| panic!("operator: {error}; ./tests/all builds it"));
        let said = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        if ran.status.success() { Ok(said(ran.stdout)) } else { Err(said(ran.stderr)) }
    }

    /// Lists the tenants, exports one, stops it, and starts it again.
    pub(super) fn operate_tenants(&self) {
        let org = self.acme.org.to_string();
        let listed = self.operate(&["tenants"]).unwrap();
        assert!(listed.contains(&org) && listed.contains("1 tenants"), "{listed}");
        let id: TenantId = listed.split_whitespace().next().unwrap().parse().unwrap();
        let id = id.to_string();

        let file = std::env::temp_dir().join(format!("export-{id}.jsonl"));
        let path = file.to_str().unwrap();
        let exported = self.operate(&["export", &id, path]).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(exported.starts_with(&format!("{} items", text.lines().count())), "{exported}");
        assert!(text.contains("Wilhelmina Oberon") && text.contains(&org));
        let twice = self.operate(&["export", &id, path]).unwrap_err();
        assert!(twice.contains("exists"), "{twice}");
        std::fs::remove_file(&file).unwrap();

        let other = TenantId(uuid::Uuid::new_v4()).to_string();
        let wrong = self.operate(&["retire", &id, &other]).unwrap_err();
        assert!(wrong.contains(&format!("belongs to organization {org}")), "{wrong}");
        let in_use = self.operate(&["erase", &id, &org]).unwrap_err();
        assert!(in_use.contains("is not retired"), "{in_use}");
        self.operate(&["retire", &id, &org]).unwrap();
        let draining = self.operate(&["erase", &id, &org]).unwrap_err();
        assert!(draining.contains("wait until"), "{draining}");
        self.operate(&["resume", &id]).unwrap();
        assert!(self.operate(&["tenants"]).unwrap().contains(&id));
    }
}
