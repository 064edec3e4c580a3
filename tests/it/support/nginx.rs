//! A real nginx, with its access log.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::guard::Guarded;
use super::program;
use super::registry::Request;

/// Longest that nginx may take to start.
const START: Duration = Duration::from_secs(20);

/// A running nginx.
#[derive(Debug)]
pub(crate) struct Nginx {
    guard: Guarded,
    folder: TempDir,
}

impl Nginx {
    /// Starts it with this content of its `http` block; it must listen on this port.
    pub(crate) fn start(http: &str, port: u16) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().display();
        // One process: nothing is left when it is killed.
        let config = format!(
            "daemon off; master_process off; pid {path}/pid; error_log {path}/error.log warn;\n\
             events {{ worker_connections 256; }}\n\
             http {{\n  access_log {path}/access.log;\n  client_max_body_size 0;\n  \
             client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; \
             fastcgi_temp_path {path}/fastcgi; uwsgi_temp_path {path}/uwsgi; \
             scgi_temp_path {path}/scgi;\n{http}\n}}\n"
        );
        fs::write(folder.path().join("nginx.conf"), config).unwrap();
        let mut command = Command::new("nginx");
        command
            .arg("-c")
            .arg(folder.path().join("nginx.conf"))
            .arg("-p")
            .arg(folder.path())
            .arg("-e")
            .arg(folder.path().join("error.log"));
        let guard = Guarded::start(&command, &folder.path().join("log"));
        let nginx = Self { guard, folder };
        program::until("start of nginx", START, || {
            assert!(nginx.guard.is_running(), "{}", nginx.errors());
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        nginx
    }

    fn errors(&self) -> String {
        format!("{}{}", self.guard.stderr(), self.read("error.log"))
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(Path::new(self.folder.path()).join(name)).unwrap_or_default()
    }

    /// Returns the requests of the access log behind a position, and the position after them.
    pub(crate) fn requests_since(&self, position: usize) -> (Vec<Request>, usize) {
        Request::parse_log(&self.read("access.log"), position)
    }
}
