"""A tour of the Compute Engine emulator with Apache Libcloud, a client that is
written by hand from the API's reference.

usage: libcloud_tour.py PORT TOKEN
Every assertion is about what the client makes of the emulator's answers.
"""

import json
import sys
import tempfile

from libcloud.common.google import InvalidRequestError, ResourceExistsError, ResourceNotFoundError
from libcloud.compute.drivers.gce import GCEConnection, GCENodeDriver

PORT, TOKEN = int(sys.argv[1]), sys.argv[2]


class Connection(GCEConnection):
    """Goes to the emulator, and looks for operations more often."""

    poll_interval = 0.05

    def connect(self, **_):
        return super().connect(host="127.0.0.1", port=PORT)


class Driver(GCENodeDriver):
    connectionCls = Connection


def driver():
    with tempfile.NamedTemporaryFile("w", suffix=".json") as cache:
        token = {"access_token": TOKEN, "expire_time": "2999-01-01T00:00:00Z"}
        json.dump(token, cache)
        cache.flush()
        return Driver("tour@example.com", "secret", datacenter="us-central1-a",
                      project="tour-project", auth_type="IA", credential_file=cache.name,
                      secure=False)


def refused(error, call):
    try:
        call()
    except error:
        return
    raise AssertionError(f"not refused with {error}")


def nodes(gce):
    def create(name):
        image = gce.ex_get_image_from_family("ubuntu-2404-lts-amd64", ["ubuntu-os-cloud"])
        return gce.create_node(name, "e2-small", image=image, ex_labels={"tour": "yes"},
                               ex_metadata={"user-data": "#cloud-config\n{}\n"}, ex_tags=["web"])
    node = create("one")
    assert node.state == "running" and node.extra["labels"] == {"tour": "yes"}
    refused(ResourceExistsError, lambda: create("one"))
    assert gce.ex_set_node_labels(node, {"tour": "on"})
    assert gce.ex_set_node_tags(node, ["web", "tls"])
    assert gce.ex_get_node("one").extra["labels"] == {"tour": "on"}
    assert gce.reboot_node(node)
    refused(InvalidRequestError, lambda: gce.ex_set_machine_type(node, "n2-standard-2"))
    assert gce.ex_stop_node(node) and gce.ex_get_node("one").state == "stopped"
    assert gce.ex_set_machine_type(node, "n2-standard-2") and gce.ex_start_node(node)
    changed = gce.ex_get_node("one")
    assert changed.size == "n2-standard-2" and changed.public_ips != node.public_ips
    assert [n.name for n in gce.list_nodes(ex_zone="all")] == ["one"]
    return node


def copies(gce, node):
    assert gce.ex_stop_node(node)
    image = gce.ex_create_image("warm", gce.ex_get_volume("one"), family="mine")
    assert image.extra["status"] == "READY" and image.extra["family"] == "mine"
    again = gce.create_node("again", "e2-small", image="warm")
    assert again.state == "running"
    snapshot = gce.create_volume_snapshot(gce.ex_get_volume("again"), "shot")
    assert gce.ex_get_snapshot("shot").status == "READY" and snapshot.destroy()
    assert gce.ex_delete_image(image) and gce.destroy_node(again)


def firewalls(gce):
    rule = gce.ex_create_firewall("tls", [{"IPProtocol": "tcp", "ports": ["443"]}],
                                  source_ranges=["10.0.0.0/8"])
    assert rule.source_ranges == ["10.0.0.0/8"]
    rule.source_ranges = ["0.0.0.0/0"]
    assert gce.ex_update_firewall(rule)
    assert gce.ex_get_firewall("tls").source_ranges == ["0.0.0.0/0"]
    assert gce.ex_destroy_firewall(rule) and len(gce.ex_list_firewalls()) == 4


def main():
    gce = driver()
    assert {size.name for size in gce.list_sizes()} >= {"e2-small", "n2-standard-2", "t2a-standard-4"}
    node = nodes(gce)
    copies(gce, node)
    firewalls(gce)
    assert gce.destroy_node(node)
    refused(ResourceNotFoundError, lambda: gce.ex_get_node("one"))
    assert gce.list_nodes(ex_zone="all") == [] and gce.list_volumes(ex_zone="all") == []
    print("tour done")


main()
