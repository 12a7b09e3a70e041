"""A tour of the proxy in front of moto with the official Python client `boto3`.

usage: tour.py ENDPOINT
Every assertion is about what the client makes of the answers.
"""

import base64
import gzip
import json
import sys
import time
import urllib.request
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGV4YW1wbGVleGFtcGxlZXhhbXBsZWV4YW1wbGVleGFt tour"
NOBLE = "ubuntu/images/hvm-ssd*/ubuntu-noble-24.04-amd64-server-*"
CANONICAL, DEBIAN = "099720109477", "136693071363"


def connect(service, access_key="AKIATOUR", token=None):
    return boto3.client(
        service, endpoint_url=ENDPOINT, region_name="eu-central-1",
        aws_access_key_id=access_key, aws_secret_access_key="secret", aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}))


ec2, sts = connect("ec2"), connect("sts")


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, (error.response, code)
        return error.response
    raise AssertionError(f"not refused with {code}")


def tags(kind, **pairs):
    return {"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in pairs.items()]}


def only(filters=(), **arguments):
    """The instances that a description finds, by whatever pages."""
    pages = ec2.get_paginator("describe_instances").paginate(Filters=list(filters), **arguments)
    return [i for page in pages for r in page["Reservations"] for i in r["Instances"]]


def until(state, instance):
    for _ in range(600):
        found = only(InstanceIds=[instance])[0]
        if found["State"]["Name"] == state:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{instance} never became {state}: {found['State']}")


def control(method, path, body=None):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(ENDPOINT + path, data, method=method)
    return json.load(urllib.request.urlopen(request))


def fault(**fields):
    control("POST", "/_faults", fields)


# Who is it?
assert sts.get_caller_identity()["Account"].isdigit()
refused("AuthFailure", connect("ec2", "AKIAOTHER").describe_vpcs)
refused("InvalidClientTokenId", connect("sts", "AKIAOTHER").get_caller_identity)
refused("RequestExpired", connect("ec2", token="expired").describe_vpcs)
refused("ExpiredToken", connect("sts", token="expired").get_caller_identity)

# What is there to have?
regions = [r["RegionName"] for r in ec2.describe_regions()["Regions"]]
assert "eu-central-1" in regions
zones = [z["ZoneName"] for z in ec2.describe_availability_zones()["AvailabilityZones"]]
assert zones[:2] == ["eu-central-1a", "eu-central-1b"], zones
first = ec2.describe_instance_types()
assert len(first["InstanceTypes"]) == 100 and first["NextToken"]
pages = ec2.get_paginator("describe_instance_types").paginate()
types = [t["InstanceType"] for page in pages for t in page["InstanceTypes"]]
assert len(types) == len(set(types)) > 500 and "t3.micro" in types
some = ec2.describe_instance_types(InstanceTypes=["t3.micro"])["InstanceTypes"]
assert some[0]["VCpuInfo"]["DefaultVCpus"] == 2 and "NextToken" not in some
pages = ec2.get_paginator("describe_instance_type_offerings").paginate(
    LocationType="availability-zone",
    Filters=[{"Name": "instance-type", "Values": ["t3.micro", "t3.small"]}])
offers = {(o["InstanceType"], o["Location"]) for p in pages for o in p["InstanceTypeOfferings"]}
assert ("t3.small", "eu-central-1b") in offers
pages = ec2.get_paginator("describe_spot_price_history").paginate(
    InstanceTypes=["t3.micro"], ProductDescriptions=["Linux/UNIX"])
prices = [float(p["SpotPrice"]) for page in pages for p in page["SpotPriceHistory"]]
assert len(prices) == len(zones) and 0.001 < min(prices) <= max(prices) < 0.01, prices
images = ec2.describe_images(Owners=[CANONICAL], Filters=[
    {"Name": "name", "Values": [NOBLE]}, {"Name": "state", "Values": ["available"]}])["Images"]
noble = max(images, key=lambda image: image["CreationDate"])
assert len(images) == 2 and noble["Architecture"] == "x86_64", images
assert noble["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] == 8
assert ec2.describe_images(Owners=[DEBIAN])["Images"][0]["Name"].startswith("debian-12-")

# Key pair and security group.
pair = ec2.import_key_pair(KeyName="tour", PublicKeyMaterial=KEY,
                           TagSpecifications=[tags("key-pair", owner="tour")])
assert pair["KeyPairId"].startswith("key-")
refused("InvalidKeyPair.Duplicate", ec2.import_key_pair, KeyName="tour", PublicKeyMaterial=KEY)
vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
group = ec2.create_security_group(GroupName="tour", Description="tour", VpcId=vpc,
                                  TagSpecifications=[tags("security-group", owner="tour")])["GroupId"]
ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
    {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
subnet = next(s["SubnetId"] for s in subnets if s["AvailabilityZone"] == "eu-central-1b")

# An instance, and the same request again.
SCRIPT = "#cloud-config\n{}\n"
ORDER = dict(
    ImageId=noble["ImageId"], InstanceType="t3.micro", MinCount=1, MaxCount=1, KeyName="tour",
    UserData=gzip.compress(SCRIPT.encode(), mtime=0), MetadataOptions={"HttpTokens": "required"},
    InstanceInitiatedShutdownBehavior="terminate",
    BlockDeviceMappings=[{"DeviceName": noble["RootDeviceName"],
                          "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "DeleteOnTermination": True}}],
    NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group],
                        "AssociatePublicIpAddress": True}],
    TagSpecifications=[tags(kind, owner="tour") for kind in ["instance", "volume"]])
token = str(uuid.uuid4())
made = ec2.run_instances(ClientToken=token, **ORDER)["Instances"][0]
box = made["InstanceId"]
assert made["State"]["Name"] == "pending" and "PublicIpAddress" not in made, made
again = ec2.run_instances(ClientToken=token, **ORDER)
assert again["Instances"][0]["InstanceId"] == box and again["ReservationId"]
refused("IdempotentParameterMismatch", ec2.run_instances, ClientToken=token,
        **{**ORDER, "InstanceType": "t3.small"})
assert len(only()) == 1, only()
running = until("running", box)
again = ec2.run_instances(ClientToken=token, **ORDER)["Instances"][0]
assert (again["InstanceId"], again["State"]["Name"]) == (box, "running")
assert running["PublicIpAddress"].startswith(("127.", "198.18."))
assert running["NetworkInterfaces"][0]["Association"]["PublicIp"] == running["PublicIpAddress"]
assert running["Placement"]["AvailabilityZone"] == "eu-central-1b"
assert running["MetadataOptions"]["HttpTokens"] == "required"
assert running["ClientToken"] == token
volume = ec2.describe_volumes(
    Filters=[{"Name": "attachment.instance-id", "Values": [box]}])["Volumes"][0]
assert (volume["Size"], volume["VolumeType"]) == (20, "gp3") and volume["Tags"][0]["Value"] == "tour"
behavior = ec2.describe_instance_attribute(
    InstanceId=box, Attribute="instanceInitiatedShutdownBehavior")
assert behavior["InstanceInitiatedShutdownBehavior"]["Value"] == "terminate"
given = ec2.describe_instance_attribute(InstanceId=box, Attribute="userData")["UserData"]["Value"]
assert gzip.decompress(base64.b64decode(given)).decode() == SCRIPT
objects = control("GET", "/_objects")
assert objects["instances"][0]["_user_data"] == SCRIPT, objects["instances"]
assert objects["instances"][0]["_tags"] == {"owner": "tour"}
assert objects["instances"][0]["_authorized_keys"] == [KEY]

# What is refused.
refused("InvalidParameterValue", ec2.run_instances, **{**ORDER, "UserData": "x" * 16385})
refused("InvalidAMIID.NotFound", ec2.run_instances, **{**ORDER, "ImageId": "ami-0123456789abcdef0"})
refused("InvalidKeyPair.NotFound", ec2.run_instances, **{**ORDER, "KeyName": "nobody"})
refused("InvalidInstanceType.NotFound", ec2.run_instances, **{**ORDER, "InstanceType": "t3.giant"})
refused("InvalidInstanceID.NotFound", ec2.describe_instances, InstanceIds=["i-0123456789abcdef0"])
refused("DependencyViolation", ec2.delete_security_group, GroupId=group)
refused("IncorrectInstanceState", ec2.modify_instance_attribute, InstanceId=box,
        InstanceType={"Value": "t3.small"})

# Lists by tag, in pages.
others = ec2.run_instances(**{**ORDER, "MinCount": 7, "MaxCount": 7,
                              "TagSpecifications": [tags("instance", owner="other")]})["Instances"]
others = [other["InstanceId"] for other in others]
assert len(others) == 7
by_tag = lambda value: [{"Name": "tag:owner", "Values": [value]}]
assert [i["InstanceId"] for i in only(by_tag("tour"))] == [box]
assert len(only(by_tag("other"), PaginationConfig={"PageSize": 5})) == 7
ec2.create_tags(Resources=[box], Tags=[{"Key": "owner", "Value": "a b&<c>"}])
assert only(by_tag("a b&<c>"))[0]["Tags"] == [{"Key": "owner", "Value": "a b&<c>"}]
ec2.delete_tags(Resources=[box], Tags=[{"Key": "owner"}])
assert not only(by_tag("tour")) and not only(InstanceIds=[box])[0].get("Tags")

# Stopped, changed, started.
change = ec2.stop_instances(InstanceIds=[box])["StoppingInstances"][0]
assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "stopping")
refused("IncorrectInstanceState", ec2.start_instances, InstanceIds=[box])
assert "PublicIpAddress" not in until("stopped", box)
by_state = lambda *states: [{"Name": "instance-state-name", "Values": list(states)}]
assert [i["InstanceId"] for i in only(by_state("stopped"))] == [box]
ec2.modify_instance_attribute(InstanceId=box, InstanceType={"Value": "t3.small"})
ec2.modify_instance_attribute(InstanceId=box, InstanceInitiatedShutdownBehavior={"Value": "stop"})
assert ec2.start_instances(InstanceIds=[box])["StartingInstances"][0]["CurrentState"]["Name"] == "pending"
restarted = until("running", box)
assert restarted["InstanceType"] == "t3.small"
assert restarted["PublicIpAddress"] != running["PublicIpAddress"]
statuses = ec2.describe_instance_status(InstanceIds=[box])["InstanceStatuses"]
assert statuses[0]["InstanceState"]["Name"] == "running"

# An image, and an instance of it.
image = ec2.create_image(InstanceId=box, Name="tour", NoReboot=True, TagSpecifications=[
    tags("image", owner="tour"), tags("snapshot", owner="tour")])["ImageId"]
describe = lambda: ec2.describe_images(ImageIds=[image])["Images"][0]
assert describe()["State"] == "pending"
while describe()["State"] == "pending":
    time.sleep(0.02)
own = ec2.describe_images(Owners=["self"], Filters=by_tag("tour"))["Images"]
assert [i["ImageId"] for i in own] == [image] and describe()["State"] == "available"
disk = own[0]["BlockDeviceMappings"][0]["Ebs"]
assert disk["VolumeSize"] == 20
snapshot = ec2.describe_snapshots(SnapshotIds=[disk["SnapshotId"]])["Snapshots"][0]
assert snapshot["Tags"] == [{"Key": "owner", "Value": "tour"}]
spot = ec2.run_instances(**{**ORDER, "ImageId": image, "InstanceMarketOptions": {
    "MarketType": "spot", "SpotOptions": {"SpotInstanceType": "one-time"}}})["Instances"][0]
assert spot["InstanceLifecycle"] == "spot"
until("running", spot["InstanceId"])
refused("UnsupportedOperation", ec2.stop_instances, InstanceIds=[spot["InstanceId"]])
ec2.deregister_image(ImageId=image)
ec2.delete_snapshot(SnapshotId=disk["SnapshotId"])

# Faults.
fault(kind="no_capacity", instance_type="t3.*", zone="eu-central-1b", spot=False)
answer = refused("InsufficientInstanceCapacity", ec2.run_instances, **ORDER)
assert answer["ResponseMetadata"]["HTTPStatusCode"] == 500
control("DELETE", "/_faults")
fault(kind="no_capacity", code="VcpuLimitExceeded", times=1)
answer = refused("VcpuLimitExceeded", ec2.run_instances, **ORDER)
assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
fault(kind="status", code="RequestLimitExceeded", action="Describe*", times=1)
answer = refused("RequestLimitExceeded", ec2.describe_vpcs)
assert answer["ResponseMetadata"]["HTTPStatusCode"] == 503
fault(kind="status", code="UnauthorizedOperation", action="CreateTags", times=1)
refused("UnauthorizedOperation", ec2.create_tags, Resources=[box], Tags=[{"Key": "a", "Value": "b"}])
control("DELETE", "/_faults")

# The end.
ends = ec2.terminate_instances(InstanceIds=[box, spot["InstanceId"], *others])
assert ends["TerminatingInstances"][0]["CurrentState"]["Name"] == "shutting-down"
refused("DependencyViolation", ec2.delete_security_group, GroupId=group)
gone = until("terminated", box)
assert "PublicIpAddress" not in gone and not gone.get("NetworkInterfaces")
assert not only(by_state("pending", "running", "stopping", "stopped", "shutting-down"))
refused("IncorrectInstanceState", ec2.start_instances, InstanceIds=[box])
refused("IdempotentInstanceTerminated", ec2.run_instances, ClientToken=token, **ORDER)
ec2.delete_security_group(GroupId=group)
ec2.delete_key_pair(KeyName="tour")
assert not ec2.describe_key_pairs()["KeyPairs"]
counts = control("GET", "/_requests")["counts"]
assert counts["TerminateInstances"] == 1 and counts["CreateImage"] == 1, counts
print("tour done")
