//! Who may do what to whose data: every endpoint and every function of the store, as each kind of caller, with what is
//! expected computed from the policy; and row-level security with all filters of the program taken away.

#![cfg(test)]

mod callers;
mod confined;
mod endpoints;
mod functions;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "made for all tests that need a database, which use more of it"
)]
#[path = "../support/postgres.rs"]
mod postgres;
#[expect(dead_code, reason = "made for tests of sessions, which use more of it")]
#[path = "../accounts/stage.rs"]
mod stage;
#[path = "../support/mod.rs"]
mod support;

use std::process::Command;

use olympus_gateway::model::TenantId;

use support::gateway::Gateway;

impl stage::Stage {
    /// The only value of a query.
    fn text(&self, sql: &str) -> String {
        self.runtime.block_on(async {
            self.database.connect("postgres").await.query_one(sql, &[]).await.unwrap().get(0)
        })
    }

    /// A token that the gateway made for somebody.
    fn token(&self, gateway: &Gateway, (tenant, subject, role): (TenantId, &str, &str)) -> String {
        let tenant = tenant.to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_olympus"));
        command.args(["token", "-c", &gateway.config_file(), "--tenant", &tenant]);
        let output = command.args(["--subject", subject, "--role", role]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}
