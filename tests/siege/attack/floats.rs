//! Numbers that are not equal to themselves, or equal to another.

use serde_json::json;

use super::CSV;
use crate::client::Client;

pub fn make(client: &mut Client) {
    let stream = client.own("floats");
    if client.create(&stream, &[("k", "float64")], json!({})) {
        let rows = "1,NaN\n2,-NaN\n3,0.0\n4,-0.0\n5,inf\n6,-inf\n7,1e308\n8,1e-320\n";
        client.publish(&stream, &[("seal", "true")], CSV, format!("time,k\n{rows}").as_bytes());
    }
    let ways =
        ["sum({}, 1m, by=k)", "delta({}, of=k, by=k)", "join({} as l, {} as r, on=k, within=1m)", "filter({}, k=0)"];
    let expression = client.one(&ways).replace("{}", &stream);
    client.look(&expression, 20);
}
