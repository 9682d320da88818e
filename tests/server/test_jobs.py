from __future__ import annotations

import io
import zipfile
from typing import Any

import httpx2
import pytest

from tests.server.gateway import Gateway, song, submit, upload


@pytest.fixture(scope="module")
def sample(gateway: Gateway) -> Any:
    with httpx2.Client(base_url=gateway.url) as http:
        return upload(http, "Söng.wav")


def test_a_job_is_queued(http: httpx2.Client, sample: Any, gateway: Gateway) -> None:
    body = {"task": {"kind": "midi", "tempo_bpm": 90}, "sample_id": sample["id"], "lane": "high"}
    answer = http.post("/v1/jobs", json=body)
    assert answer.status_code == 201
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert list(job) == [
        "id", "sample_id", "task", "state", "progress", "attempt", "error", "result", "artifacts",
        "created_at", "started_at", "finished_at",
    ]  # fmt: skip
    assert job["task"]["tempo_bpm"] == 90
    assert (job["state"], job["attempt"], job["artifacts"]) == ("queued", 0, [])
    assert http.get(f"/v1/jobs/{job['id']}").json() == job
    assert gateway.parts.queue.missing([(job["id"], "midi")]) == set()
    waiting = {(each.kind, each.lane): each.waiting for each in gateway.parts.queue.depths()}
    assert waiting["midi", "high"] == 1


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (
            {"task": {"kind": "midi", "tempo_bpm": 1}},
            "tempo_bpm: got 1; it must be 4 or more, or 'auto'",
        ),
        ({"task": {"kind": "midi", "pitch": 1}}, "pitch: got 1; there is no such option"),
        ({"task": {"kind": "drums"}}, "does not match any of the expected tags: 'separate'"),
        ({"task": {"kind": "separate", "stems": []}}, "stems is empty; name at least one stem"),
        ({"task": {"kind": "separate", "stems": ["kazoo"]}}, "has no stem 'kazoo'"),
        (
            {"task": {"kind": "midi"}, "lane": "fast"},
            "lane: got 'fast'; it must be 'normal' or 'high'",
        ),
        ({"task": {"kind": "midi"}, "colour": 1}, "colour: got 1; there is no such option"),
        ({"task": {"kind": "midi"}, "sample_id": "a\0b"}, "sample_id: got 'a\\x00b'"),
        ({}, "task is missing"),
        ([], "send one JSON object"),
    ],
)
def test_what_cannot_be_run_is_explained(
    http: httpx2.Client, sample: Any, body: Any, detail: str
) -> None:
    if isinstance(body, dict):
        body = {"sample_id": sample["id"]} | body
    answer = http.post("/v1/jobs", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "usage")
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize(
    "model", ["/etc/passwd", "../x", "a/b", "micro.pt", "x.SAFETENSORS", "~/m"]
)
def test_a_model_that_is_a_path_is_refused(http: httpx2.Client, sample: Any, model: str) -> None:
    body = {"task": {"kind": "transcribe", "model": model}, "sample_id": sample["id"]}
    answer = http.post("/v1/jobs", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_model")
    assert "is a path" in answer.json()["detail"]


def test_a_model_of_another_task_is_refused(http: httpx2.Client, sample: Any) -> None:
    body = {"task": {"kind": "midi", "model": "htdemucs"}, "sample_id": sample["id"]}
    assert "the models for midi are basic-pitch" in http.post("/v1/jobs", json=body).text


def test_an_imported_model_is_taken_by_its_name(http: httpx2.Client, sample: Any) -> None:
    assert submit(http, sample["id"], kind="separate", model="my-demucs.v2")["state"] == "queued"


def test_an_unknown_sample_has_no_jobs(http: httpx2.Client) -> None:
    body = {"task": {"kind": "midi"}, "sample_id": "smp_0"}
    answer = http.post("/v1/jobs", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_repeated_request_gives_the_same_job(http: httpx2.Client, sample: Any) -> None:
    body = {"task": {"kind": "midi", "tempo_bpm": 99}, "sample_id": sample["id"]}
    headers = {"Idempotency-Key": "4d3c"}
    first = http.post("/v1/jobs", json=body, headers=headers)
    again = http.post("/v1/jobs", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    other = http.post("/v1/jobs", json=body | {"force": True}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    wrong = http.post("/v1/jobs", json=body, headers={"Idempotency-Key": "x" * 201})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "usage")


def test_a_result_is_remembered_unless_it_is_forced(http: httpx2.Client, gateway: Gateway) -> None:
    data = song()
    sample = upload(http, data=data)
    first = submit(http, sample["id"])
    gateway.finish(first["id"], notes_mid=b"MThd")
    again = submit(http, sample["id"])
    assert (again["state"], again["progress"], again["attempt"]) == ("done", 1.0, 0)
    assert again["id"] != first["id"]
    done = http.get(f"/v1/jobs/{first['id']}").json()
    assert (again["artifacts"], again["result"]) == (done["artifacts"], done["result"])
    assert http.get(f"/v1/jobs/{again['id']}").json() == again
    assert http.get(f"/v1/jobs/{again['id']}/artifacts/notes.mid").content == b"MThd"
    assert submit(http, sample["id"], tempo_bpm=121)["state"] == "queued"
    forced = {"task": {"kind": "midi"}, "sample_id": sample["id"], "force": True}
    assert http.post("/v1/jobs", json=forced).json()["state"] == "queued"
    assert gateway.parts.queue.missing([(again["id"], "midi")]) == {again["id"]}


def test_a_job_is_cancelled_and_retried(http: httpx2.Client, gateway: Gateway) -> None:
    job = submit(http, upload(http)["id"])
    address = f"/v1/jobs/{job['id']}"
    conflict = http.post(f"{address}/retry")
    assert (conflict.status_code, conflict.json()["code"]) == (409, "conflict")
    for _ in range(2):
        cancelled = http.post(f"{address}/cancel")
        assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert gateway.parts.queue.missing([(job["id"], "midi")]) == {job["id"]}
    retried = http.post(f"{address}/retry")
    assert (retried.status_code, retried.json()["state"]) == (200, "queued")
    assert gateway.parts.queue.missing([(job["id"], "midi")]) == set()
    gateway.finish(job["id"])
    assert http.post(f"{address}/cancel").status_code == 409
    assert http.get(address).json()["attempt"] == 1


def test_jobs_are_listed_in_pages(http: httpx2.Client) -> None:
    sample = upload(http)["id"]
    ids = [submit(http, sample, tempo_bpm=100 + number)["id"] for number in range(3)]
    other = submit(http, sample, kind="transcribe")["id"]
    http.post(f"/v1/jobs/{ids[0]}/cancel")

    def listed(**query: str) -> list[str]:
        page = http.get("/v1/jobs", params={"sample_id": sample} | query).json()
        return [each["id"] for each in page["items"]]

    assert listed() == [other, *reversed(ids)]
    assert listed(task="midi", state="queued") == [ids[2], ids[1]]
    assert listed(state="cancelled") == [ids[0]]
    first = http.get("/v1/jobs", params={"sample_id": sample, "limit": 3}).json()
    assert listed(limit="3", cursor=first["cursor"]) == [ids[0]]
    assert http.get("/v1/jobs", params={"state": "lost"}).json()["code"] == "usage"
    assert http.get("/v1/jobs", params={"limit": "0"}).json()["code"] == "usage"


def test_results_are_named_after_the_sample(http: httpx2.Client, gateway: Gateway) -> None:
    sample = upload(http, "Größer & mehr.wav")["id"]
    stems = submit(http, sample, kind="separate")
    gateway.finish(stems["id"], vocals_wav=b"abcdef", drums_wav=b"xyz")
    notes = submit(http, sample)
    gateway.finish(notes["id"], notes_mid=b"MThd")

    def saved_as(job: Any, name: str) -> str:
        answer = http.get(f"/v1/jobs/{job['id']}/artifacts/{name}")
        assert answer.status_code == 200
        header: str = answer.headers["content-disposition"]
        return header.partition("UTF-8''")[2]

    assert saved_as(stems, "vocals.wav") == "Gr%C3%B6%C3%9Fer%20%26%20mehr.vocals.wav"
    assert saved_as(notes, "notes.mid") == "Gr%C3%B6%C3%9Fer%20%26%20mehr.mid"
    part = http.get(f"/v1/jobs/{stems['id']}/artifacts/vocals.wav", headers={"Range": "bytes=2-3"})
    assert (part.status_code, part.content) == (206, b"cd")
    assert part.headers["content-type"] == "audio/wav"
    missing = http.get(f"/v1/jobs/{stems['id']}/artifacts/bass.wav")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert "vocals.wav, drums.wav" in missing.json()["detail"]


def test_all_results_come_in_one_zip(http: httpx2.Client, gateway: Gateway) -> None:
    sample = upload(http, "größer.wav")["id"]
    job = submit(http, sample, kind="separate")
    early = http.get(f"/v1/jobs/{job['id']}/archive")
    assert (early.status_code, early.json()["code"]) == (409, "conflict")
    results = {"vocals_wav": song(300_000), "drums_wav": b"xyz"}
    gateway.finish(job["id"], **results)
    answer = http.get(f"/v1/jobs/{job['id']}/archive")
    assert answer.headers["content-type"] == "application/zip"
    assert "UTF-8''gr%C3%B6%C3%9Fer.zip" in answer.headers["content-disposition"]
    assert int(answer.headers["content-length"]) == len(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["größer/vocals.wav", "größer/drums.wav"]
        assert archive.read("größer/vocals.wav") == results["vocals_wav"]
    assert http.head(f"/v1/jobs/{job['id']}/archive").headers["content-length"] == str(
        len(answer.content)
    )


def test_a_lost_object_is_told_before_anything_is_sent(
    http: httpx2.Client, gateway: Gateway
) -> None:
    sample = upload(http)["id"]
    job = submit(http, sample)
    gateway.finish(job["id"], notes_mid=b"MThd")
    gateway.parts.storage.remove(f"local/{sample}/")
    for name in ("archive", "artifacts/notes.mid"):
        answer = http.get(f"/v1/jobs/{job['id']}/{name}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
