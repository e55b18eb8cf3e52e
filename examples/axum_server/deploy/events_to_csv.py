#!/usr/bin/env python3
"""Keeps a CSV file of what seatgate has ended: one row an event, however often it is told.

    EVENTS_SECRET=whsec_... events_to_csv.py FILE HOST:PORT
"""
import base64, csv, hashlib, hmac, json, os, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

FILE, (HOST, PORT) = sys.argv[1], sys.argv[2].rsplit(":", 1)
KEY = base64.b64decode(os.environ["EVENTS_SECRET"].removeprefix("whsec_"))
COLUMNS = ["event", "ended_at", "type", "request_id", "email", "playbook", "task", "status", "outcome"]


def is_ours(headers, body):
    event, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not at.isdigit() or abs(time.time() - int(at)) > 300:
        return False
    digest = hmac.new(KEY, f"{event}.{at}.".encode() + body, hashlib.sha256).digest()
    wanted = "v1," + base64.b64encode(digest).decode()
    return any(hmac.compare_digest(wanted, given) for given in headers.get("webhook-signature", "").split())


def cell(value):
    """No cell is a formula to a spreadsheet."""
    text = "" if value is None else str(value)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def keep(event, body):
    rows = {}
    if os.path.exists(FILE):
        with open(FILE, newline="") as file:
            rows = {row["event"]: row for row in csv.DictReader(file)}
    task, account = body.get("task") or {}, body["account"]
    values = [event, body["timestamp"], body["type"], body["request_id"], account["email"], body.get("playbook"),
              task.get("name"), task.get("status"), body["outcome"]]
    rows[event] = dict(zip(COLUMNS, map(cell, values)))
    with open(FILE + ".new", "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows.values())
        file.flush()
        os.fsync(file.fileno())
    os.replace(FILE + ".new", FILE)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        ours = is_ours(self.headers, body)
        if ours:
            keep(self.headers["webhook-id"], json.loads(body))
        self.send_response(204 if ours else 401)
        self.end_headers()


HTTPServer((HOST, int(PORT)), Receiver).serve_forever()
