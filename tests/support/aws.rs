//! An account of AWS of one's own, and a machine that works on it: the real moto
//! server, one a test binary, and in front of it a proxy of ours, one a test.

use std::ops::Deref;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value as Json;
use tokio::runtime::Runtime;

use crate::aws::form::Form;
use crate::aws::moto::{self, Moto};
use crate::aws::settings::{Settings, Times};
use crate::aws::xml::Element;
use crate::aws::{Running, start};
use crate::python;
use crate::site::{Platform, Site};
use crate::support::TestEnv;

pub const ACCESS_KEY: &str = "AKIASANDPLANTESTS001";
pub const REGION: &str = "eu-central-1";

/// moto takes a second to start, so all tests of a binary share one.
static MOTO: LazyLock<Moto> = LazyLock::new(|| {
    let listed = python::listed(&moto::requirements());
    let packages: Vec<&str> = listed.iter().map(String::as_str).collect();
    Moto::start(&python::environment("moto", &packages)).unwrap()
});

/// Settings of a proxy with an account that no other test has.
pub fn settings() -> Settings {
    static ACCOUNTS: AtomicU32 = AtomicU32::new(1);
    let account = format!("{:012}", ACCOUNTS.fetch_add(1, Ordering::Relaxed));
    let times = Times::all(Duration::from_millis(30));
    let access_key = Some(ACCESS_KEY.to_owned());
    Settings { account, access_key, times, ..Settings::of(&MOTO.url) }
}

pub struct World {
    site: Site,
    proxy: Option<Running>,
}

impl Deref for World {
    type Target = Site;
    fn deref(&self) -> &Site {
        &self.site
    }
}

#[allow(dead_code, reason = "not every test binary uses all of this")]
impl World {
    /// Instances are reached as real ones are.
    pub fn new(configuration: &str) -> Self {
        Self::with(configuration, settings())
    }

    /// Instances are there for the API alone.
    pub fn bodiless(configuration: &str) -> Self {
        Self::bodiless_with(configuration, settings())
    }

    /// Instances are there for the API alone, and the rest is as it is set.
    pub fn bodiless_with(configuration: &str, settings: Settings) -> Self {
        Self::started(TestEnv::with(configuration), settings)
    }

    /// Instances have bodies, and the rest is as it is set.
    pub fn with(configuration: &str, settings: Settings) -> Self {
        let env = TestEnv::with(configuration);
        let bodies = Some(env.work().join("../bodies"));
        Self::started(env, Settings { bodies, ..settings })
    }

    fn started(env: TestEnv, settings: Settings) -> Self {
        let runtime = Runtime::new().unwrap();
        let proxy = runtime.block_on(start("127.0.0.1:0".parse().unwrap(), settings)).unwrap();
        let platform = Platform {
            url: proxy.url(),
            environment: environment(&proxy.url(), REGION),
            authorization: authorization(REGION, "ec2"),
        };
        Self { site: Site::new(env, runtime, platform), proxy: Some(proxy) }
    }

    /// Asks EC2 by hand, as somebody else would; answers status and document.
    pub fn ask(&self, parameters: &[(&str, &str)]) -> (u16, Element) {
        let form = Form::of(parameters).with("Version", "2016-11-15").encode();
        let body = ("application/x-www-form-urlencoded", form);
        let (status, text) = self.send("POST", "/", Some(body));
        (status, Element::parse(&text).unwrap())
    }

    /// Does something at EC2 by hand; it has to succeed.
    #[track_caller]
    pub fn ec2(&self, parameters: &[(&str, &str)]) -> Json {
        let (status, answer) = self.ask(parameters);
        assert_eq!(status, 200, "{parameters:?}: {}", answer.document());
        answer.json()
    }

    /// The instances that are not ended, as EC2 has them; what begins with `_` the
    /// proxy adds: `_state`, `_tags`, `_user_data`, `_address`, `_region`.
    pub fn instances(&self) -> Vec<Json> {
        let is_ended =
            |one: &Json| one["_state"] == "terminated" || one["_state"] == "shutting-down";
        self.all("instances").into_iter().filter(|one| !is_ended(one)).collect()
    }

    /// The only instance.
    #[track_caller]
    pub fn instance(&self) -> Json {
        let all = self.instances();
        assert_eq!(all.len(), 1, "{all:#?}");
        all[0].clone()
    }

    /// Waits until an instance is in a state.
    #[track_caller]
    pub fn wait_for(&self, id: &str, state: &str) {
        let is_so = |one: &Json| one["instanceId"] == id && one["_state"] == state;
        self.until(|| self.all("instances").iter().any(is_so));
    }
}

/// What a program has to be told to work on the proxy and on nothing else.
pub fn environment(url: &str, region: &str) -> Vec<(&'static str, String)> {
    let told = [
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", region),
        ("AWS_ENDPOINT_URL", url),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("SANDPLAN_PROVIDER", "aws"),
    ];
    told.map(|(name, value)| (name, value.to_owned())).into()
}

/// The header of a request by hand; the proxy looks at no signature.
fn authorization(region: &str, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20260101/{region}/{service}/aws4_request, \
         SignedHeaders=host, Signature=0"
    )
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(proxy) = self.proxy.take() {
            self.site.runtime.block_on(proxy.stop());
        }
    }
}
