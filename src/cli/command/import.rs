//! `sandplan import`.

use super::planning;
use crate::address::Address;
use crate::cli::Exit;
use crate::cli::args::Import;
use crate::cli::context::Context;
use crate::diagnostic::{Diagnostic, Diagnostics, Failure};
use crate::engine::Strictness;
use crate::object::RemoteId;

/// Takes an object that exists into the state, under an address of the configuration.
pub async fn run(context: &Context, args: &Import) -> Result<Exit, Diagnostics> {
    let address: Address =
        args.address.parse().map_err(|error: crate::address::AddressError| {
            Diagnostic::error("usage", "Invalid address")
                .detail(format!("{error}."))
                .failure(Failure::Usage)
        })?;
    let project = context.load(&args.config, Strictness::Complete)?;
    let timeout = planning::lock_timeout(&args.lock)?;
    let mut events = context.events();
    context.subscribe_progress(&mut events, false);
    let (mut session, warnings) = project.open("import", timeout, &mut events).await?;
    context.report(&warnings);
    session.import(&address, &RemoteId::from(args.id.as_str())).await?;
    context.terminal.say(&format!("Import successful! {address} is in the state now.\n"));
    Ok(Exit::Done)
}
