//! What becomes of a server when actions on it end.

use super::super::project::Project;
use super::super::server_types;
use super::Status;

impl Project {
    pub fn set_status(&mut self, id: u64, status: Status) {
        if let Some(server) = self.servers.get_mut(&id) {
            server.status = status;
            server.off_at = None;
        }
    }

    /// The guest has started (again).
    pub fn restart(&mut self, id: u64) {
        self.set_status(id, Status::Running);
        if let Some(server) = self.servers.get_mut(&id) {
            server.boots += 1;
        }
    }

    /// The guest was told to shut down; it takes as long as the action did.
    pub fn begin_shutdown(&mut self, id: u64, at: u64) {
        let time = self.terms.action_times.of("shutdown_server");
        self.set_status(id, Status::Stopping);
        if let Some(server) = self.servers.get_mut(&id) {
            server.off_at = Some(at + time);
        }
    }

    pub fn settle_shutdowns(&mut self) {
        let now = self.now;
        for server in self.servers.values_mut() {
            if server.off_at.is_some_and(|at| at <= now) {
                (server.status, server.off_at) = (Status::Off, None);
            }
        }
    }

    pub fn finish_rebuild(&mut self, id: u64, image: u64) {
        self.restart(id);
        if let Some(server) = self.servers.get_mut(&id) {
            server.image = image;
            server.disk_number += 1;
        }
    }

    pub fn finish_change_type(&mut self, id: u64, server_type: &str, upgrade_disk: bool) {
        self.restart(id);
        if let Some(server) = self.servers.get_mut(&id) {
            server_type.clone_into(&mut server.server_type);
            if upgrade_disk {
                let disk = server_types::find(server_type).map(|of| of.disk);
                server.disk = disk.unwrap_or(server.disk);
            }
        }
    }
}
