//! What can be done to a server.

use serde_json::json;

use super::super::actions::{Effect, Start};
use super::super::answer::{Answer, Refusal};
use super::super::images::{Image, Source};
use super::super::locations;
use super::super::project::Project;
use super::super::request::Request;
use super::super::routes::{Route, post};
use super::super::server_types::{self, ServerType};
use super::create::{check_room, new_password, read_user_data};
use super::{Server, Status};

pub const ROUTES: &[Route] = &[
    post("/servers/{id}/actions/poweron", power_on),
    post("/servers/{id}/actions/poweroff", power_off),
    post("/servers/{id}/actions/shutdown", shut_down),
    post("/servers/{id}/actions/reboot", reboot),
    post("/servers/{id}/actions/reset", reset),
    post("/servers/{id}/actions/rebuild", rebuild),
    post("/servers/{id}/actions/change_type", change_type),
    post("/servers/{id}/actions/create_image", create_image),
    post("/servers/{id}/actions/change_protection", change_protection),
    post("/servers/{id}/actions/reset_password", reset_password),
    post("/servers/{id}/actions/add_to_placement_group", add_to_group),
    post("/servers/{id}/actions/remove_from_placement_group", remove_from_group),
];

/// The server, when nothing else is being done to it.
fn free(project: &Project, id: u64) -> Result<&Server, Refusal> {
    let server = project.server(id)?;
    server.check_unlocked()?;
    Ok(server)
}

/// Begins an action on a free server. Meanwhile it has one status, at the end
/// another effect; if the action fails, it is what it was.
fn begin(
    project: &mut Project,
    id: u64,
    command: &'static str,
    (meanwhile, effect): (Option<Status>, Effect),
) -> Result<u64, Refusal> {
    let status = free(project, id)?.status;
    if let Some(meanwhile) = meanwhile {
        project.set_status(id, meanwhile);
    }
    Ok(project.begin(Start::on_server(id, command, effect, Effect::Status(id, status))))
}

fn power_on(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let id = request.id;
    let was_on = free(project, id)?.status == Status::Running;
    let effect = match was_on {
        true => (None, Effect::Nothing),
        false => (Some(Status::Starting), Effect::Restarted(id)),
    };
    let action = begin(project, id, "start_server", effect)?;
    project.answer_action(action)
}

fn power_off(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let is_on = free(project, request.id)?.status != Status::Off;
    let meanwhile = is_on.then_some(Status::Stopping);
    let effect = (meanwhile, Effect::Status(request.id, Status::Off));
    let action = begin(project, request.id, "stop_server", effect)?;
    project.answer_action(action)
}

fn shut_down(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let effect = match free(project, request.id)?.status {
        Status::Off => Effect::Nothing,
        _ => Effect::ShuttingDown(request.id),
    };
    let action = begin(project, request.id, "shutdown_server", (None, effect))?;
    project.answer_action(action)
}

fn reboot(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    start_again(project, request.id, "reboot_server")
}

fn reset(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    start_again(project, request.id, "reset_server")
}

fn start_again(project: &mut Project, id: u64, command: &'static str) -> Result<Answer, Refusal> {
    if free(project, id)?.status == Status::Off {
        return Err(Refusal::new("unsupported_error", "the server is powered off"));
    }
    let effect = (Some(Status::Starting), Effect::Restarted(id));
    let action = begin(project, id, command, effect)?;
    project.answer_action(action)
}

fn rebuild(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    fields.required("image");
    let image = fields.reference("image").unwrap_or_default();
    let user_data = read_user_data(&mut fields);
    fields.finish()?;
    let server = free(project, request.id)?;
    if server.is_rebuild_protected {
        return Err(Refusal::new("protected", "server is rebuild protected"));
    }
    let disk = server.disk;
    let image = project.find_image(&image, type_of(server)?.architecture())?;
    if image.disk_size > disk {
        return Err(Refusal::invalid("image", "image disk is bigger than the server's"));
    }
    let effect = (Some(Status::Rebuilding), Effect::Rebuilt(request.id, image.id));
    let action = begin(project, request.id, "rebuild_server", effect)?;
    let server = project.server_mut(request.id)?;
    server.user_data = user_data.or(server.user_data.take());
    let password = server.authorized_keys.is_empty().then(new_password);
    Answer::created(json!({"action": project.draw_action(action), "root_password": password}))
}

fn type_of(server: &Server) -> Result<&'static ServerType, Refusal> {
    let of = server_types::find(&server.server_type);
    of.ok_or_else(|| Refusal::new("server_error", "the server has an unknown type"))
}

fn change_type(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    fields.required("server_type");
    fields.required("upgrade_disk");
    let reference = fields.reference("server_type").unwrap_or_default();
    let upgrade_disk = fields.flag("upgrade_disk").unwrap_or_default();
    fields.finish()?;
    let server = free(project, request.id)?.clone();
    let missing = || Refusal::new("invalid_server_type", "server type not found");
    let wanted = server_types::find(&reference).ok_or_else(missing)?;
    check_change(&server, wanted)?;
    if let Some(location) = locations::find(&server.location) {
        check_room(project, wanted, location)?;
    }
    let server_type = wanted.name.to_owned();
    let effect = Effect::Retyped { server: server.id, server_type, upgrade_disk };
    let effect = (Some(Status::Migrating), effect);
    let action = begin(project, server.id, "change_server_type", effect)?;
    project.answer_action(action)
}

fn check_change(server: &Server, wanted: &ServerType) -> Result<(), Refusal> {
    if server.status != Status::Off {
        return Err(Refusal::new("server_not_stopped", "server is not stopped"));
    }
    let problem = if wanted.name == server.server_type {
        "the server has this type already"
    } else if wanted.architecture() != type_of(server)?.architecture() {
        "the server type has another architecture"
    } else if wanted.disk < server.disk {
        "the disk of the server type is smaller than the server's"
    } else {
        return Ok(());
    };
    Err(Refusal::new("invalid_server_type", problem))
}

fn create_image(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    let description = fields.text("description");
    let labels = fields.labels().unwrap_or_default();
    let kind = fields.text("type").unwrap_or_else(|| "snapshot".to_owned());
    if kind != "snapshot" && kind != "backup" {
        fields.problem("type", "Must be one of: snapshot, backup.");
    }
    fields.finish()?;
    if kind == "backup" {
        return Err(Refusal::new("unsupported_error", "backups are not enabled for this server"));
    }
    let server = free(project, request.id)?;
    let source = Source {
        server: server.id,
        name: server.name.clone(),
        disk: server.disk,
        of: project.images.get(&server.image).cloned(),
        architecture: type_of(server)?.architecture().to_owned(),
    };
    let id = project.new_id();
    let mut image = Image::of_server(id, &kind, source, labels, project.now);
    image.description = description.unwrap_or_else(|| format!("snapshot of {}", request.id));
    let drawn = image.draw();
    project.images.insert(id, image);
    let (ready, broken) = (Effect::ImageReady(id), Effect::ImageBroken(id));
    let start = Start::on_server(request.id, "create_image", ready, broken).with("image", id);
    let action = project.begin(start);
    Answer::created(json!({"image": drawn, "action": project.draw_action(action)}))
}

fn change_protection(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    let (delete, rebuild) = (fields.flag("delete"), fields.flag("rebuild"));
    fields.finish()?;
    free(project, request.id)?;
    let server = project.server_mut(request.id)?;
    let delete = delete.unwrap_or(server.is_delete_protected);
    let rebuild = rebuild.unwrap_or(server.is_rebuild_protected);
    if delete != rebuild {
        return Err(Refusal::invalid("rebuild", "must be equal to delete"));
    }
    (server.is_delete_protected, server.is_rebuild_protected) = (delete, rebuild);
    let action = begin(project, request.id, "change_protection", (None, Effect::Nothing))?;
    project.answer_action(action)
}

fn reset_password(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    if free(project, request.id)?.status != Status::Running {
        return Err(Refusal::new("unsupported_error", "the server is not running"));
    }
    let action = begin(project, request.id, "reset_password", (None, Effect::Nothing))?;
    let body = json!({"action": project.draw_action(action), "root_password": new_password()});
    Answer::created(body)
}

fn add_to_group(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = request.fields();
    fields.required("placement_group");
    let group = fields.id("placement_group").unwrap_or_default();
    fields.finish()?;
    if free(project, request.id)?.status != Status::Off {
        return Err(Refusal::new("server_not_stopped", "server is not stopped"));
    }
    project.check_group(group)?;
    project.server_mut(request.id)?.placement_group = Some(group);
    let start = Start::on("server", request.id, "add_to_placement_group");
    let action = project.begin(start.with("placement_group", group));
    project.answer_action(action)
}

fn remove_from_group(project: &mut Project, request: &Request) -> Result<Answer, Refusal> {
    free(project, request.id)?;
    project.server_mut(request.id)?.placement_group = None;
    let action = project.begin(Start::on("server", request.id, "remove_from_placement_group"));
    project.answer_action(action)
}
