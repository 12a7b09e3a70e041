"""A tour of the Compute Engine emulator with the official Python client
`google-cloud-compute`.

usage: tour.py ENDPOINT TOKEN
Every assertion is about what the client makes of the emulator's answers.
"""

import sys
import uuid

from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth.exceptions import RefreshError
from google.cloud import compute_v1 as gce
from google.oauth2.credentials import Credentials

ENDPOINT, TOKEN = sys.argv[1:3]
PROJECT, ZONE, REGION = "tour-project", "us-central1-a", "us-central1"
UBUNTU = "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64"


def client(kind, token=TOKEN):
    options = ClientOptions(api_endpoint=ENDPOINT)
    made = kind(credentials=Credentials(token), client_options=options, transport="rest")
    # What waits for operations does not get the endpoint from the client.
    services = getattr(made.transport, "_extended_operations_services", {})
    services.update(zone_operations=ZONAL, global_operations=GLOBAL)
    return made


ZONAL = GLOBAL = None
ZONAL, GLOBAL = client(gce.ZoneOperationsClient), client(gce.GlobalOperationsClient)
instances, disks = client(gce.InstancesClient), client(gce.DisksClient)
images, snapshots = client(gce.ImagesClient), client(gce.SnapshotsClient)
firewalls, projects = client(gce.FirewallsClient), client(gce.ProjectsClient)
HERE = {"project": PROJECT, "zone": ZONE}


def done(operation):
    """Waits for an operation's end, as the client does it."""
    operation.result(timeout=60)
    assert operation.error_code == 0, operation.error_message
    return operation


def refused(error, part, call):
    try:
        call()
    except error as refusal:
        assert part in str(refusal), refusal
        return refusal
    raise AssertionError(f"not refused with {error}")


def order(name, **more):
    disk = gce.AttachedDisk(boot=True, auto_delete=True)
    disk.initialize_params = gce.AttachedDiskInitializeParams(
        source_image=more.pop("image", UBUNTU), disk_size_gb=more.pop("size", 20),
        disk_type=f"zones/{ZONE}/diskTypes/pd-balanced", labels={"tour": "disk"})
    nic = gce.NetworkInterface(network="global/networks/default")
    nic.access_configs = [gce.AccessConfig(name="External NAT", type_="ONE_TO_ONE_NAT")]
    machine_type = f"zones/{ZONE}/machineTypes/{more.pop('machine_type', 'e2-standard-4')}"
    return gce.Instance(name=name, machine_type=machine_type, disks=[disk],
                        network_interfaces=[nic], **more)


def create(name, **more):
    return done(instances.insert(**HERE, instance_resource=order(name, **more)))


def get(name):
    return instances.get(**HERE, instance=name)


def catalogue():
    types = client(gce.MachineTypesClient)
    e2 = types.get(**HERE, machine_type="e2-standard-4")
    assert (e2.guest_cpus, e2.memory_mb, e2.architecture) == (4, 16384, "X86_64")
    arm = {scope for scope, part in types.aggregated_list(project=PROJECT)
           for of in part.machine_types if of.name == "t2a-standard-4"}
    assert arm == {f"zones/us-central1-{letter}" for letter in "abf"}
    found = types.list(gce.ListMachineTypesRequest(**HERE, filter='name eq "e2-.*"', max_results=5))
    names = [t.name for t in found]
    assert len(names) > 10 and all(name.startswith("e2-") for name in names)
    zones = list(client(gce.ZonesClient).list(project=PROJECT))
    assert [z.name for z in zones if z.region.endswith(REGION)] == [
        f"{REGION}-{letter}" for letter in "abcf"]
    region = client(gce.RegionsClient).get(project=PROJECT, region=REGION)
    assert {q.metric for q in region.quotas} >= {"CPUS", "INSTANCES"} and len(region.zones) == 4
    newest = images.get_from_family(project="ubuntu-os-cloud", family="ubuntu-2404-lts-amd64")
    assert newest.status == "READY" and newest.disk_size_gb == 10 and not newest.deprecated.state
    old = images.list(gce.ListImagesRequest(
        project="debian-cloud", filter="(family = debian-12) AND (deprecated.state = DEPRECATED)"))
    assert [image.deprecated.replacement.split("/")[-1][:9] for image in old] == ["debian-12"]
    network = client(gce.NetworksClient).get(project=PROJECT, network="default")
    assert network.auto_create_subnetworks and len(network.subnetworks) == 3
    [subnet] = client(gce.SubnetworksClient).list(project=PROJECT, region=REGION)
    assert subnet.ip_cidr_range == "10.128.0.0/20"


def one_instance():
    metadata = gce.Metadata(items=[gce.Items(key="user-data", value="#cloud-config\n{}\n")])
    operation = create("web", labels={"tour": "yes", "env": "dev"}, metadata=metadata,
                       tags=gce.Tags(items=["web"]))
    assert operation.operation_type == "insert" and operation.progress == 100
    web = get("web")
    assert web.status == "RUNNING" and web.machine_type.endswith("/e2-standard-4")
    assert web.network_interfaces[0].access_configs[0].nat_i_p.count(".") == 3
    assert web.network_interfaces[0].network_i_p.startswith("10.128.")
    assert web.scheduling.provisioning_model == "STANDARD" and web.last_start_timestamp
    disk = disks.get(**HERE, disk="web")
    assert disk.size_gb == 20 and disk.users[0].endswith("/instances/web")
    assert disk.labels == {"tour": "disk"} and disk.source_image.endswith("v20261105")
    return web


def refusals():
    refused(exceptions.Conflict, "already exists", lambda: create("web"))
    refused(exceptions.BadRequest, "regex", lambda: create("Web"))
    refused(exceptions.BadRequest, "does not exist in zone", lambda: create("x", machine_type="e2-huge"))
    refused(exceptions.NotFound, "was not found", lambda: create("x", image="global/images/none"))
    refused(exceptions.BadRequest, "smaller than the image", lambda: create("x", size=5))
    refused(exceptions.BadRequest, "format constraints", lambda: create("x", labels={"a": "B"}))
    refused(exceptions.BadRequest, "architecture", lambda: create("x", machine_type="t2a-standard-1"))
    refused(exceptions.NotFound, "was not found", lambda: get("none"))
    refused(exceptions.BadRequest, "Unknown zone",
            lambda: instances.list(project=PROJECT, zone="mars-north1-a"))
    stranger = client(gce.InstancesClient, "wrong")
    # Of a 401 the client makes an attempt to have a new token.
    refused(RefreshError, "refresh", lambda: stranger.get(**HERE, instance="web"))


def idempotency():
    same = str(uuid.uuid4())
    def insert(name):
        return instances.insert(gce.InsertInstanceRequest(
            **HERE, instance_resource=order(name), request_id=same))
    first, second = insert("once"), insert("once")
    assert first.name == second.name
    done(first)
    assert insert("once").name == first.name
    def remove():
        return instances.delete(gce.DeleteInstanceRequest(**HERE, instance="once", request_id=same))
    refused(exceptions.BadRequest, "another request", remove)
    done(instances.delete(**HERE, instance="once"))


def lists():
    for number in range(7):
        create(f"many-{number}", labels={"half": str(number % 2)})
    def names(**query):
        return [i.name for i in instances.list(gce.ListInstancesRequest(**HERE, **query))]
    assert names(filter="labels.half=1") == ["many-1", "many-3", "many-5"]
    assert names(filter="labels.half:* AND name != many-0", max_results=2) == [
        f"many-{n}" for n in range(1, 7)]
    assert names(filter="labels.tour = yes") == ["web"]
    assert names(order_by="creationTimestamp desc", max_results=3)[0] == "many-6"
    found = instances.aggregated_list(gce.AggregatedListInstancesRequest(
        project=PROJECT, filter="labels.half=0", max_results=2))
    scopes = [(scope, [i.name for i in part.instances]) for scope, part in found if part.instances]
    assert scopes == [(f"zones/{ZONE}", ["many-0", "many-2"]), (f"zones/{ZONE}", ["many-4", "many-6"])]
    for number in range(7):
        done(instances.delete(**HERE, instance=f"many-{number}"))


def changes(web):
    wanted = gce.InstancesSetLabelsRequest(labels={"env": "prod"}, label_fingerprint=web.label_fingerprint)
    def set_labels():
        return instances.set_labels(
            **HERE, instance="web", instances_set_labels_request_resource=wanted)
    done(set_labels())
    assert get("web").labels == {"env": "prod"}
    refused(exceptions.PreconditionFailed, "fingerprint", set_labels)
    metadata = gce.Metadata(fingerprint=web.metadata.fingerprint, items=[gce.Items(key="a", value="b")])
    done(instances.set_metadata(**HERE, instance="web", metadata_resource=metadata))
    assert [(i.key, i.value) for i in get("web").metadata.items] == [("a", "b")]
    refused(exceptions.PreconditionFailed, "fingerprint", lambda: instances.set_metadata(
        **HERE, instance="web", metadata_resource=metadata))
    tags = gce.Tags(fingerprint=web.tags.fingerprint, items=["web", "tls"])
    done(instances.set_tags(**HERE, instance="web", tags_resource=tags))
    assert list(get("web").tags.items) == ["web", "tls"]
    done(instances.reset(**HERE, instance="web"))
    assert instances.get_serial_port_output(**HERE, instance="web").next_ == 0


def another_type():
    bigger = gce.InstancesSetMachineTypeRequest(machine_type=f"zones/{ZONE}/machineTypes/n2-standard-8")
    def change():
        return instances.set_machine_type(
            **HERE, instance="web", instances_set_machine_type_request_resource=bigger)
    refused(exceptions.BadRequest, "STOPPED", change)
    before = get("web").network_interfaces[0].access_configs[0].nat_i_p
    done(instances.stop(**HERE, instance="web"))
    off = get("web")
    assert off.status == "TERMINATED" and not off.network_interfaces[0].access_configs[0].nat_i_p
    done(change())
    scheduling = gce.Scheduling(max_run_duration=gce.Duration(seconds=3600),
                                instance_termination_action="DELETE")
    done(instances.set_scheduling(**HERE, instance="web", scheduling_resource=scheduling))
    done(instances.start(**HERE, instance="web"))
    on = get("web")
    assert on.status == "RUNNING" and on.machine_type.endswith("/n2-standard-8")
    assert on.network_interfaces[0].access_configs[0].nat_i_p != before
    assert on.resource_status.scheduling.termination_timestamp


def copies():
    wanted = gce.Image(name="warm", family="mine", source_disk=f"zones/{ZONE}/disks/web",
                       labels={"tour": "yes"})
    refused(exceptions.BadRequest, "being used", lambda: images.insert(project=PROJECT, image_resource=wanted))
    done(images.insert(gce.InsertImageRequest(
        project=PROJECT, image_resource=wanted, force_create=True)))
    warm = images.get_from_family(project=PROJECT, family="mine")
    assert warm.status == "READY" and warm.disk_size_gb == 20 and warm.architecture == "X86_64"
    labels = gce.GlobalSetLabelsRequest(labels={"tour": "no"}, label_fingerprint=warm.label_fingerprint)
    done(images.set_labels(project=PROJECT, resource="warm", global_set_labels_request_resource=labels))
    assert [i.name for i in images.list(gce.ListImagesRequest(
        project=PROJECT, filter="labels.tour=no"))] == ["warm"]
    create("again", image="global/images/family/mine")
    assert disks.get(**HERE, disk="again").source_image_id == str(warm.id)
    snapshot = gce.Snapshot(name="shot", labels={"tour": "yes"})
    done(disks.create_snapshot(**HERE, disk="again", snapshot_resource=snapshot))
    assert snapshots.get(project=PROJECT, snapshot="shot").status == "READY"
    done(snapshots.delete(project=PROJECT, snapshot="shot"))
    done(images.delete(project=PROJECT, image="warm"))
    assert list(images.list(project=PROJECT)) == []


def firewall():
    rule = gce.Firewall(name="ssh", network="global/networks/default", source_ranges=["10.0.0.0/8"],
                        target_tags=["web"], allowed=[gce.Allowed(I_p_protocol="tcp", ports=["22"])])
    def insert(**other):
        wanted = gce.Firewall(rule)
        for field, value in other.items():
            setattr(wanted, field, value)
        return firewalls.insert(project=PROJECT, firewall_resource=wanted)
    refused(exceptions.BadRequest, "CIDR", lambda: insert(source_ranges=["10.0.0.1/8"]))
    refused(exceptions.BadRequest, "mixed", lambda: insert(source_ranges=["::/0", "0.0.0.0/0"]))
    refused(exceptions.BadRequest, "Exactly one", lambda: insert(allowed=[]))
    done(insert())
    refused(exceptions.Conflict, "already exists", insert)
    made = firewalls.get(project=PROJECT, firewall="ssh")
    assert (made.direction, made.priority, made.disabled) == ("INGRESS", 1000, False)
    done(firewalls.patch(project=PROJECT, firewall="ssh", firewall_resource=gce.Firewall(priority=7)))
    patched = firewalls.get(project=PROJECT, firewall="ssh")
    assert patched.priority == 7 and list(patched.target_tags) == ["web"]
    rule.target_tags = []
    done(firewalls.update(project=PROJECT, firewall="ssh", firewall_resource=rule))
    updated = firewalls.get(project=PROJECT, firewall="ssh")
    assert updated.priority == 1000 and list(updated.target_tags) == []
    done(firewalls.delete(project=PROJECT, firewall="ssh"))
    assert {f.name for f in firewalls.list(project=PROJECT)} == {
        f"default-allow-{what}" for what in ["icmp", "internal", "rdp", "ssh"]}


def project():
    before = projects.get(project=PROJECT)
    assert before.name == PROJECT and before.quotas
    metadata = gce.Metadata(fingerprint=before.common_instance_metadata.fingerprint,
                            items=[gce.Items(key="ssh-keys", value="me:ssh-ed25519 AAAA me")])
    done(projects.set_common_instance_metadata(project=PROJECT, metadata_resource=metadata))
    refused(exceptions.PreconditionFailed, "fingerprint",
            lambda: projects.set_common_instance_metadata(project=PROJECT, metadata_resource=metadata))


def operations():
    started = instances.stop(**HERE, instance="again")
    shown = ZONAL.get(**HERE, operation=started.name)
    assert shown.operation_type == "stop" and shown.target_link.endswith("/instances/again")
    waited = ZONAL.wait(**HERE, operation=started.name)
    assert waited.status.name == "DONE" and waited.end_time
    assert started.name in {o.name for o in ZONAL.list(gce.ListZoneOperationsRequest(
        **HERE, filter="operationType=stop"))}
    general = GLOBAL.list(project=PROJECT)
    assert {o.operation_type for o in general} >= {"insert", "patch", "update", "delete", "setMetadata"}


def deletion():
    for part in instances.list(**HERE):
        done(instances.delete(**HERE, instance=part.name))
    assert list(instances.list(**HERE)) == [] and list(disks.list(**HERE)) == []


def main():
    catalogue()
    web = one_instance()
    refusals()
    idempotency()
    lists()
    changes(web)
    another_type()
    copies()
    firewall()
    project()
    operations()
    deletion()
    print("tour done")


main()
