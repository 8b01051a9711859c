//! The Lambda function; see [`trailwire::lambda`].

fn main() -> std::process::ExitCode {
    trailwire::lambda::run()
}
