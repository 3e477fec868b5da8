//! Classifies pictures over HTTP, many requests at once:
//!
//! ```text
//! cargo run --release --example server
//! curl --data-binary @tests/images/digits/7-paper.png http://127.0.0.1:3000
//! ```
//!
//! One classifier serves all requests. A request waits for the adapter without blocking a thread; decoding and resizing
//! happen on the thread of the request and take a few milliseconds.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use densenet_wgpu::{Classifier, ClassifierOptions};
use serde_json::{Value, json};

#[allow(clippy::print_stdout, reason = "an example shows its result")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let classifier = Classifier::embedded(ClassifierOptions::default()).await?; // or Classifier::open(path)
    println!("http://127.0.0.1:3000 answers, on {}", classifier.engine());
    let app = Router::new().route("/", post(classify)).with_state(classifier);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}

async fn classify(State(classifier): State<Classifier>, picture: Bytes) -> Result<Json<Value>, (StatusCode, String)> {
    match classifier.classify(picture.as_ref()).await {
        Ok(prediction) => {
            let top = prediction.top(3).into_iter().map(|place| json!({ "label": place.label, "score": place.score }));
            Ok(Json(top.collect()))
        }
        Err(error) if error.concerns_input() => Err((StatusCode::BAD_REQUEST, error.to_string())),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}
