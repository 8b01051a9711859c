//! The command line; see [`trailwire::cli`].

fn main() -> std::process::ExitCode {
    trailwire::cli::run()
}
