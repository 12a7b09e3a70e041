"""A tour of the Hetzner emulator with the official Python client `hcloud`.

usage: tour.py ENDPOINT TOKEN
Every assertion is about what the client makes of the emulator's answers.
"""

import sys
import time

from hcloud import APIException, Client
from hcloud.actions import ActionFailedException
from hcloud.firewalls import FirewallResource, FirewallRule
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.placement_groups import PlacementGroup
from hcloud.server_types import ServerType

ENDPOINT, TOKEN = sys.argv[1:3]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGV4YW1wbGVleGFtcGxlZXhhbXBsZWV4YW1wbGVleGFt tour"

client = Client(TOKEN, api_endpoint=ENDPOINT, poll_interval=0.05)
CPX32, CPX42, ASH = ServerType("cpx32"), ServerType("cpx42"), Location("ash")
UBUNTU, DEBIAN = Image(name="ubuntu-24.04"), Image(name="debian-12")


def refused(code, call):
    try:
        call()
    except APIException as error:
        assert error.code == code, (error.code, code)
        return error
    raise AssertionError(f"not refused with {code}")


def finished(response):
    response.action.wait_until_finished()
    for action in getattr(response, "next_actions", None) or []:
        action.wait_until_finished()
    return response


def create(name, **more):
    arguments = {"server_type": CPX32, "image": UBUNTU, "location": ASH} | more
    return client.servers.create(name=name, **arguments)


def catalogue():
    cpx32 = client.server_types.get_by_name("cpx32")
    assert (cpx32.cores, cpx32.memory, cpx32.disk) == (4, 8, 160)
    prices = {price["location"]: price["price_hourly"]["net"] for price in cpx32.prices}
    assert prices["fsn1"] == "0.0176" and prices["ash"] == "0.0211", prices
    assert {place.location.name for place in cpx32.locations} >= {"ash", "fsn1"}
    assert all(place.deprecation for place in client.server_types.get_by_name("cx22").locations)
    assert [place.name for place in client.locations.get_all()][:4] == ["fsn1", "nbg1", "hel1", "ash"]
    assert client.images.get_by_name_and_architecture("ubuntu-24.04", "arm").architecture == "arm"
    assert client.images.get_by_name_and_architecture("debian-12", "x86").os_flavor == "debian"


def ssh_keys():
    key = client.ssh_keys.create(name="laptop", public_key=KEY, labels={"tour": "yes"})
    assert key.fingerprint.count(":") == 15
    assert client.ssh_keys.get_by_fingerprint(key.fingerprint).id == key.id
    refused("uniqueness_error", lambda: client.ssh_keys.create(name="again", public_key=KEY))
    refused("invalid_input", lambda: client.ssh_keys.create(name="bad", public_key="ssh-rsa x"))
    assert key.update(name="desktop").name == "desktop"
    return key


def firewall(key):
    rules = [FirewallRule(direction="in", protocol="tcp", port="22", source_ips=["203.0.113.0/24"])]
    made = client.firewalls.create(name="agents", rules=rules, labels={"tour": "yes"})
    assert made.firewall.rules[0].port == "22"
    return made.firewall


def one_server(key, wall):
    made = create("tour-1", ssh_keys=[key], firewalls=[wall], labels={"env": "prod"},
                  user_data="#cloud-config\n{}\n")
    assert made.root_password is None and made.server.status == "initializing"
    assert made.action.status == "running" and made.action.command == "create_server"
    refused("locked", made.server.delete)
    refused("uniqueness_error", lambda: create("tour-1"))
    finished(made)
    server = client.servers.get_by_name("tour-1")
    assert server.status == "running" and not server.locked
    assert server.public_net.ipv4.ip and server.public_net.primary_ipv4.assignee_id == server.id
    assert [wall.status for wall in server.public_net.firewalls] == ["applied"]
    assert server.location.name == "ash" and server.server_type.name == "cpx32"
    assert create("tour-with-password").root_password
    return server


def refusals():
    error = refused("invalid_input", lambda: create("no_host_name"))
    assert error.details["fields"][0]["name"] == "name", error.details
    refused("invalid_input", lambda: create("big", user_data="x" * 32769))
    refused("invalid_input", lambda: create("labels", labels={"-": "x"}))
    refused("invalid_server_type", lambda: create("old", server_type=ServerType("cpx31")))
    hel1 = Location("hel1")
    refused("resource_unavailable",
            lambda: create("arm", server_type=ServerType("cax41"), location=hel1))
    refused("not_found", lambda: client.servers.get_by_id(42))
    stranger = Client("wrong" * 3, api_endpoint=ENDPOINT)
    refused("unauthorized", stranger.servers.get_all)


def pages():
    for number in range(60):
        tier = "web" if number % 2 else "db"
        create(f"many-{number:02}", labels={"env": "dev", "tier": tier}, start_after_create=False)
    count = lambda selector: len(client.servers.get_all(label_selector=selector))
    assert count("env=dev") == 60 and count("env==dev,tier=web") == 30
    assert count("env in (dev,prod)") == 61 and count("env notin (dev)") == 2
    assert count("!env") == 1 and count("tier") == 60 and count("env!=dev") == 2
    page = client.servers.get_list(label_selector="tier=db", page=2, per_page=20)
    assert [server.name for server in page.servers] == [f"many-{n:02}" for n in range(40, 60, 2)]
    meta = page.meta.pagination
    assert (meta.last_page, meta.next_page, meta.previous_page, meta.total_entries) == (2, None, 1, 30)


def changes(server):
    server = server.update(name="tour-renamed", labels={"env": "test", "a.b/c": ""})
    assert server.name == "tour-renamed" and server.labels == {"env": "test", "a.b/c": ""}
    error = refused("server_not_stopped", lambda: server.change_type(CPX42, upgrade_disk=False))
    assert "stopped" in error.message
    server.power_off().wait_until_finished()
    server.change_type(CPX42, upgrade_disk=False).wait_until_finished()
    server.reload()
    assert server.server_type.name == "cpx42" and server.primary_disk_size == 160
    server.shutdown().wait_until_finished()
    while client.servers.get_by_id(server.id).status != "off":
        time.sleep(0.02)
    server.power_on().wait_until_finished()
    server.reboot().wait_until_finished()


def rebuild(server):
    response = server.rebuild(DEBIAN, user_data="#cloud-config\n{}\n")
    finished(response)
    after = client.servers.get_by_id(server.id)
    assert after.image.name == "debian-12" and after.status == "running"
    assert after.public_net.ipv4.ip == server.public_net.ipv4.ip


def snapshot(server):
    made = server.create_image(description="warm", labels={"tour": "yes"})
    assert made.image.status == "creating" and made.image.name is None
    finished(made)
    [image] = client.images.get_all(type="snapshot", label_selector="tour=yes")
    assert image.status == "available" and image.created_from.id == server.id
    assert image.update(description="warmer").description == "warmer"
    image.change_protection(delete=True).wait_until_finished()
    refused("protected", image.delete)
    image.change_protection(delete=False).wait_until_finished()
    again = finished(create("from-snapshot", image=image)).server
    assert again.image.id == image.id
    image.delete()
    assert client.images.get_all(type="snapshot") == []


def firewall_changes(wall, server):
    refused("resource_in_use", wall.delete)
    wall.set_rules([])
    resource = FirewallResource(type="server", server=server)
    for action in wall.remove_from_resources([resource]):
        action.wait_until_finished()
    for action in wall.apply_to_resources([resource]):
        action.wait_until_finished()
    refused("firewall_already_applied", lambda: wall.apply_to_resources([resource]))
    assert client.firewalls.get_by_id(wall.id).applied_to[0].server.id == server.id


def protection(server):
    server.change_protection(delete=True, rebuild=True).wait_until_finished()
    refused("protected", server.delete)
    refused("protected", lambda: server.rebuild(DEBIAN))
    server.change_protection(delete=False, rebuild=False).wait_until_finished()


def groups_and_ips():
    group = client.placement_groups.create(name="apart", type="spread").placement_group
    finished(create("grouped", placement_group=group))
    refused("resource_in_use", group.delete)
    ip = client.primary_ips.create(name="kept", type="ipv4", location=ASH).primary_ip
    assert ip.assignee_id is None and ip.assignee_type == "unassigned"
    assert ip.update(name="kept-on").name == "kept-on"
    ip.delete()


def deletion(key, wall):
    for server in client.servers.get_all():
        while client.servers.get_by_id(server.id).locked:
            time.sleep(0.02)
        server.delete().wait_until_finished()
    assert client.servers.get_all() == [] and client.primary_ips.get_all() == []
    wall.delete()
    key.delete()
    for group in client.placement_groups.get_all():
        group.delete()
    assert client.firewalls.get_all() == [] and client.ssh_keys.get_all() == []


def main():
    catalogue()
    key = ssh_keys()
    wall = firewall(key)
    server = one_server(key, wall)
    refusals()
    pages()
    changes(server)
    rebuild(server)
    snapshot(server)
    firewall_changes(wall, server)
    protection(server)
    groups_and_ips()
    deletion(key, wall)
    print("tour done")


main()
