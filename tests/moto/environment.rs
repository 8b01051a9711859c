//! The Python environment that moto runs in: made once below the target folder, and anew when the requirements or
//! python3 change or when it was left half-made. Test processes make it one after the other.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// A python3 that finds moto.
pub(super) struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// The environment, made if there is none; `None` without python3.
    ///
    /// # Errors
    /// What could not be done, and what pip said.
    pub(super) fn ready() -> Result<Option<Self>, String> {
        let Some(version) = python_version() else { return Ok(None) };
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("there is no target folder")?;
        let environment = Self { folder: target.join("moto-venv") };
        let told = |what: &str, error: std::io::Error| format!("{what} {}: {error}", environment.folder.display());

        // Given back when the file is closed, even if the process is killed.
        let lock = File::create(target.join("moto-venv.lock")).map_err(|error| told("no lock for", error))?;
        lock.lock().map_err(|error| told("no lock for", error))?;
        let marker = environment.folder.join("ready");
        let made_of = format!("{version}\n{REQUIREMENTS}");
        if fs::read_to_string(&marker).is_ok_and(|text| text == made_of) {
            return Ok(Some(environment));
        }
        environment.make()?;
        // Last, and whole or not at all.
        let unfinished = environment.folder.join("ready.new");
        fs::write(&unfinished, made_of).map_err(|error| told("cannot write to", error))?;
        fs::rename(&unfinished, &marker).map_err(|error| told("cannot write to", error))?;
        Ok(Some(environment))
    }

    /// Runs a script, with its standard streams as the caller sets them.
    pub(super) fn command(&self, script: &Path) -> Command {
        let own = self.folder.join("bin/python3");
        let mut command = if own.exists() {
            Command::new(own)
        } else {
            let mut command = Command::new("python3");
            command.env("PYTHONPATH", self.packages());
            command
        };
        command.arg("-B").arg(script);
        command
    }

    fn make(&self) -> Result<(), String> {
        self.clear()?;
        let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/moto/requirements.txt");
        let install = |python: &OsStr, more: &[&OsStr]| {
            let mut command = Command::new(python);
            command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
            run(command.arg(&requirements).args(more))
        };
        let venv = run(Command::new("python3").args(["-m", "venv"]).arg(&self.folder));
        let Err(no_venv) = venv else { return install(self.folder.join("bin/python3").as_os_str(), &[]) };
        // Some distributions have Python without venv, or venv without pip: then the packages go to a plain folder.
        self.clear()?;
        let packages = self.packages();
        install("python3".as_ref(), &["--target".as_ref(), packages.as_os_str()])
            .map_err(|error| format!("{no_venv}\n{error}"))
    }

    fn packages(&self) -> PathBuf {
        self.folder.join("packages")
    }

    fn clear(&self) -> Result<(), String> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(format!("cannot remove {}: {error}", self.folder.display()))
            }
            _ => Ok(()),
        }
    }
}

/// What python3 says it is; `None` if there is none that runs.
fn python_version() -> Option<String> {
    let output = Command::new("python3").arg("-VV").stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command to its end.
fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("{command:?}: {}\n{out}{err}", output.status))
}
