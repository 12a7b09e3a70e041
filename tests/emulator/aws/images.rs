//! Images of instances: they take time, and their snapshots can have tags.

use super::call::Call;
use super::core::Image;
use super::form::Form;
use super::machines::{Phase, milliseconds};
use super::proxy::Proxy;
use super::refusal::Refusal;
use super::xml::Element;

/// Of the published images, in GB.
const PUBLISHED_SIZE: &str = "8";

impl Proxy {
    pub async fn create_image(&self, call: &Call) -> Result<Element, Refusal> {
        let instance = call.form.get("InstanceId").unwrap_or_default();
        let phase = self.core().machine_mut(instance)?.phase;
        if !matches!(phase, Phase::Running | Phase::Stopped) {
            let message = format!("Instance is not in state 'running' or 'stopped': {instance}");
            return Err(Refusal::new("IncorrectState", message));
        }
        let tags = call.form.tags_for("snapshot");
        let of_snapshots = call.form.tag_specifications("snapshot");
        let form = of_snapshots.iter().fold(call.form.clone(), |form, name| form.without(name));
        let answer = self.upstream.ask(&call.region, &form).await?;
        let image = answer.text("imageId");
        self.tag_snapshot(call, &image, &tags).await?;
        let size = self.root_size(call, instance).await?;
        self.take_image(call, image, size)?;
        Ok(answer)
    }

    /// moto cannot tag the snapshot of an image in the same call.
    async fn tag_snapshot(
        &self,
        call: &Call,
        image: &str,
        tags: &[(String, String)],
    ) -> Result<(), Refusal> {
        let snapshots = self.snapshots_of(call, image).await?;
        let mut form = Form::of(&[("Action", "CreateTags")]);
        for (at, snapshot) in snapshots.iter().enumerate() {
            form = form.with(&format!("ResourceId.{}", at + 1), snapshot);
        }
        for (at, (key, value)) in tags.iter().enumerate() {
            form = form.with(&format!("Tag.{}.Key", at + 1), key);
            form = form.with(&format!("Tag.{}.Value", at + 1), value);
        }
        match tags.is_empty() {
            true => Ok(()),
            false => self.upstream.ask(&call.region, &form).await.map(drop),
        }
    }

    async fn root_size(&self, call: &Call, instance: &str) -> Result<String, Refusal> {
        let question = Form::of(&[
            ("Action", "DescribeVolumes"),
            ("Filter.1.Name", "attachment.instance-id"),
            ("Filter.1.Value.1", instance),
        ]);
        let answer = self.upstream.ask(&call.region, &question).await?;
        let size = answer.items("volumeSet").next().map(|volume| volume.text("size"));
        Ok(size.unwrap_or_else(|| PUBLISHED_SIZE.to_owned()))
    }

    fn take_image(&self, call: &Call, id: String, size: String) -> Result<(), Refusal> {
        let mut core = self.core();
        let available_from = core.now + milliseconds(self.settings.times.image);
        let number = core.new_number();
        let machine = core.machine_mut(call.form.get("InstanceId").unwrap_or_default())?;
        if machine.phase == Phase::Running && !call.form.has("NoReboot", "true") {
            machine.boots += 1;
        }
        let (source, release) = (machine.number, machine.release.clone());
        core.images.insert(id, Image { number, source, release, size, available_from });
        Ok(())
    }

    pub async fn describe_images(&self, call: &Call) -> Result<Element, Refusal> {
        let (form, filters) = call.form.split_filters(&["state"]);
        let mut answer = self.upstream.ask(&call.region, &form).await?;
        let core = self.core();
        let images = &mut answer.child_mut("imagesSet").children;
        for image in images.iter_mut() {
            let own = core.images.get(&image.text("imageId"));
            if own.is_some_and(|own| own.available_from > core.now) {
                image.set("imageState", "pending");
            }
            image.set("rootDeviceType", "ebs");
            draw_disks(image, own.map_or(PUBLISHED_SIZE, |own| &own.size));
        }
        images.retain(|image| {
            let state = image.text("imageState");
            filters.iter().all(|filter| filter.values.contains(&state))
        });
        Ok(answer)
    }

    pub async fn deregister_image(&self, call: &Call) -> Result<Element, Refusal> {
        let image = call.form.get("ImageId").unwrap_or_default();
        let snapshots = match call.form.has("DeleteAssociatedSnapshots", "true") {
            true => self.snapshots_of(call, image).await?,
            false => Vec::new(),
        };
        let answer = self.upstream.ask(&call.region, &call.form).await?;
        self.core().images.remove(image);
        // moto does not know that they can be deleted in the same call.
        for snapshot in snapshots {
            let form = Form::of(&[("Action", "DeleteSnapshot"), ("SnapshotId", &snapshot)]);
            self.upstream.ask(&call.region, &form).await?;
        }
        Ok(answer)
    }

    /// Lists the snapshots that an image is made of.
    async fn snapshots_of(&self, call: &Call, image: &str) -> Result<Vec<String>, Refusal> {
        let question = Form::of(&[("Action", "DescribeImages"), ("ImageId.1", image)]);
        let answer = self.upstream.ask(&call.region, &question).await?;
        let disks = answer.items("imagesSet").flat_map(|item| item.items("blockDeviceMapping"));
        Ok(disks.map(|disk| disk.text("ebs/snapshotId")).filter(|id| !id.is_empty()).collect())
    }
}

/// moto has the same disk for all images.
fn draw_disks(image: &mut Element, size: &str) {
    for disk in &mut image.child_mut("blockDeviceMapping").children {
        disk.set("ebs/volumeSize", size);
        disk.set("ebs/volumeType", "gp3");
        disk.set("ebs/deleteOnTermination", "true");
    }
}
