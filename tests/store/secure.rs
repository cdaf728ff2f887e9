//! Connections over TLS: the server's certificate is verified, for its host and by its authority.

use olympus_gateway::error::Kind;
use tokio::time::timeout;

use super::certificates::Authority;
use super::postgres::{PATIENCE, Server, store};

#[tokio::test]
async fn a_server_is_believed_only_with_a_certificate_of_its_authority() {
    let server = Server::start();
    let (authority, other) = (Authority::new(), Authority::new());
    let issued = authority.issue(&["127.0.0.1"]);
    let (cert, key) = (server.keep("server.pem", &issued.cert), server.keep("server.key", &issued.key));
    let admin = server.ready().await;
    for (setting, value) in [("ssl_cert_file", cert), ("ssl_key_file", key), ("ssl", "on".to_owned())] {
        admin.batch_execute(&format!("ALTER SYSTEM SET {setting} = '{value}'")).await.unwrap();
    }
    admin.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    let trusted = format!("tls = {{ ca = \"{}\" }}", server.keep("ca.pem", &authority.pem()));
    let encrypted = store(&server.settings("olympus_template", &trusted));
    timeout(PATIENCE, encrypted.is_up()).await.expect("it is up");
    let sql = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND usename = 'olympus_app'";
    assert_eq!(admin.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 1, "the watch's connection");

    let strange = format!("tls = {{ ca = \"{}\" }}", server.keep("other.pem", &other.pem()));
    let deceived = store(&server.settings("olympus_template", &strange));
    let asked = deceived.platform().run(|work| async move { work.tenants().find("acme").await }).await;
    assert_eq!(asked.expect_err("not believed").kind(), Kind::Unavailable);
}
