//! The guests of servers, as their bodies are made from them.

use serde_json::json;

use super::chassis::bodies::{Plan, Wanted};
use super::project::Project;
use super::servers::{Server, Status};

impl Project {
    pub fn wanted_bodies(&self) -> Wanted {
        let running = self.servers.values().filter(|s| s.status == Status::Running);
        let images = self.images.values().filter(|image| !image.is_deleted());
        Wanted {
            running: running.filter_map(|server| Some((server.id, self.plan(server)?))).collect(),
            places: self.servers.keys().copied().collect(),
            snapshots: images.filter_map(|image| Some((image.id, image.source()?))).collect(),
        }
    }

    /// What the body of a server with an address is made from.
    fn plan(&self, server: &Server) -> Option<Plan> {
        let ip = self.ip_of(server.id, true)?;
        let image = self.images.get(&server.image)?;
        let guest = json!({
            "instance": format!("{}-{}", server.id, server.disk_number),
            "name": server.name,
            "address": ip.ip,
            "os": image.flavor,
            "os_version": image.version,
            "user_data": server.user_data,
            "authorized_keys": server.authorized_keys,
            "datasource": "DataSourceHetzner",
        });
        let (disk, boots) = (server.disk_number, server.boots);
        Some(Plan { disk, boots, name: server.name.clone(), guest, image: image.id })
    }
}
