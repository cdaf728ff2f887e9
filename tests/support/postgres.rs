//! A private Postgres for the tests of one program: its own cluster in a folder of its own, on loopback. It installs
//! nothing. A shell watches over it: when the program ends, however it does, the shell reads the end of its input,
//! kills the server by its id and removes the folder.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use olympus_gateway::config;
use olympus_gateway::store::{Migrations, Store};
use olympus_gateway::tasks::Lifecycle;
use olympus_gateway::telemetry::Metrics;
use tokio::runtime::Handle;
use tokio_postgres::{Client, NoTls};

/// How long a test waits for what should take less than a second.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The database that others are copies of.
const TEMPLATE: &str = "olympus_template";

/// Says the server's id, waits for the end of its input, then ends what it started. `$@` runs the server.
const WATCHDOG: &str = r#"
folder=$1; shift
"$@" </dev/null >>"$folder/log" 2>&1 &
echo $!
read -r word
kill -CONT $! 2>/dev/null
kill -QUIT $! 2>/dev/null
wait $!
[ "$word" = keep ] || rm -rf "$folder"
"#;

/// A running server.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    port: u16,
    process: u32,
    watchdog: Child,
}

impl Server {
    /// The one that all tests of this program share, with a migrated template.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    /// One of its own, to be broken.
    pub fn start() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let unique =
            format!("olympus-postgres-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(unique);
        std::fs::create_dir(&folder).unwrap();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&folder));
        }
        let options =
            ["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"];
        run(as_postgres(&program("initdb")).args(options).arg("-D").arg(folder.join("data")));
        let port = free_port();
        let (watchdog, process) = launch(&folder, port);
        let server = Self { folder, port, process, watchdog };
        std::thread::scope(|scope| scope.spawn(|| server.prepare()).join()).expect("a prepared server");
        server
    }

    fn prepare(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let admin = self.ready().await;
            let roles = "CREATE ROLE olympus LOGIN; CREATE ROLE olympus_app LOGIN";
            admin.batch_execute(roles).await.unwrap();
            let create = format!("CREATE DATABASE {TEMPLATE} OWNER olympus");
            admin.batch_execute(&create).await.unwrap();
            let lifecycle = Lifecycle::new(Handle::current());
            let mut migrations = Migrations::connect(&self.settings(TEMPLATE, ""), &lifecycle).await.unwrap();
            migrations.apply().await.unwrap();
        });
    }

    /// A connection as its superuser, once it takes any.
    pub async fn ready(&self) -> Client {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match connect(&self.url("postgres", "postgres")).await {
                Ok(client) => return client,
                Err(error) => assert!(Instant::now() < deadline, "{error}: {}", self.log()),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A connection as its superuser to one of its databases.
    pub async fn superuser(&self, database: &str) -> Client {
        connect(&self.url("postgres", database)).await.expect("a connection")
    }

    /// Writes a file that only the server may read besides the superuser of the machine, and says where it is.
    pub fn keep(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        run(Command::new("chmod").arg("600").arg(&path));
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&path));
        }
        path.to_str().expect("UTF-8").to_owned()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Where a role connects to a database.
    pub fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/{database}", self.port)
    }

    /// The settings of a gateway that uses a database of this server, with further keys in TOML.
    pub fn settings(&self, database: &str, more: &str) -> config::Postgres {
        let (url, owner) = (self.url("olympus_app", database), self.url("olympus", database));
        toml::from_str(&format!("url = \"{url}\"\nowner_url = \"{owner}\"\n{more}")).expect("settings")
    }

    /// Sends all of its processes a signal by name, the first one first: it makes the others, which may end meanwhile.
    pub fn signal(&self, name: &str) {
        let children = format!("/proc/{0}/task/{0}/children", self.process);
        let each = format!("for child in $(cat {children}); do kill -s {name} $child || true; done");
        let kill = format!("kill -s {name} {} && {each}", self.process);
        run(Command::new("sh").arg("-c").arg(kill));
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.end("keep\n");
    }

    /// Starts it again where it was.
    pub fn start_again(&mut self) {
        (self.watchdog, self.process) = launch(&self.folder, self.port);
    }

    fn end(&mut self, word: &str) {
        if let Some(mut input) = self.watchdog.stdin.take() {
            let _ = input.write_all(word.as_bytes());
        }
        let _ = self.watchdog.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end("");
    }
}

/// A database of one test, migrated.
#[derive(Debug)]
pub struct Database {
    server: &'static Server,
    pub name: String,
}

impl Database {
    /// A copy of the template on the shared server.
    pub async fn new() -> Self {
        Self::copy_of(TEMPLATE).await
    }

    /// One without any table.
    pub async fn empty() -> Self {
        Self::copy_of("template0").await
    }

    async fn copy_of(template: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let server = Server::shared();
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let admin = server.ready().await;
        let create = format!("CREATE DATABASE {name} TEMPLATE {template} OWNER olympus");
        let deadline = Instant::now() + PATIENCE;
        // Whoever prepared the template may still be leaving it.
        while let Err(error) = admin.batch_execute(&create).await {
            assert!(Instant::now() < deadline, "{error:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Self { server, name }
    }

    /// The settings of a gateway that uses it, with further keys in TOML.
    pub fn settings(&self, more: &str) -> config::Postgres {
        self.server.settings(&self.name, more)
    }

    /// The store of a gateway that uses it.
    pub fn store(&self) -> Store {
        store(&self.settings(""))
    }

    /// A bare connection of a role.
    pub async fn connect(&self, role: &str) -> Client {
        connect(&self.server.url(role, &self.name)).await.expect("a connection")
    }
}

/// A store on this runtime.
pub fn store(settings: &config::Postgres) -> Store {
    let metrics = Metrics::new().postgres();
    let store = Store::new(settings, Lifecycle::new(Handle::current()), metrics);
    let store = store.expect("settings that can be used");
    store.watch();
    store
}

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    Handle::current().spawn(async { drop(connection.await) });
    Ok(client)
}

fn launch(folder: &Path, port: u16) -> (Child, u32) {
    let options = [
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "max_connections=200",
        "shared_buffers=64MB",
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
    ];
    let server = as_postgres(&program("postgres"));
    let mut command = Command::new("sh");
    command.args(["-c", WATCHDOG, "watchdog"]).arg(folder);
    command.arg(server.get_program()).args(server.get_args());
    command.arg("-D").arg(folder.join("data")).arg("-p").arg(port.to_string());
    command.args(options.iter().flat_map(|option| ["-c", option]));
    command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut watchdog = command.spawn().expect("a shell");
    let mut line = String::new();
    let output = watchdog.stdout.take().expect("output is piped");
    BufReader::new(output).read_line(&mut line).unwrap();
    (watchdog, line.trim().parse().expect("the id of the server"))
}

/// A program of the newest Postgres there is.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop().unwrap_or_else(|| PathBuf::from(name))
}

/// Postgres refuses to run as root, so root lends it the user that its package made.
fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program).current_dir("/");
    command
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Free a moment ago: the server takes it within milliseconds.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}
