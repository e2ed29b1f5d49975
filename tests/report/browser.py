"""Chromium, driven over its DevTools protocol through a pipe: no driver, no port, no package."""

import itertools
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe"),
)


class Browser:
    """One page of a Chromium of its own. What its console said, and what it asked for, is kept."""

    def __init__(self, folder: Path, *, width: int = 1280, height: int = 900) -> None:
        reads, told = os.pipe()
        answers, writes = os.pipe()
        # the browser reads orders on 3 and answers on 4
        shell = f'exec "$@" 3<&{reads} 4>&{writes}'
        profile = f"--user-data-dir={folder / 'profile'}"
        command = ["bash", "-c", shell, "bash", str(CHROMIUM), *FLAGS, profile]
        self.process = subprocess.Popen(command, pass_fds=(reads, writes), stderr=subprocess.DEVNULL)
        os.close(reads)
        os.close(writes)
        self.orders, self.answers = os.fdopen(told, "wb", buffering=0), os.fdopen(answers, "rb", buffering=0)
        self.numbers, self.rest = itertools.count(1), b""
        self.console: list[str] = []
        self.requests: list[str] = []
        self.session: str | None = None
        try:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Network", "Log"):
                self.call(f"{domain}.enable")
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
            self.call("Emulation.setDeviceMetricsOverride", **size)
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.orders.close()
        self.answers.close()

    def call(self, method: str, **values: Any) -> dict[str, Any]:
        """Give an order and wait for its answer."""
        number = next(self.numbers)
        order = {"id": number, "method": method, "params": values}
        if self.session:
            order["sessionId"] = self.session
        self.orders.write(json.dumps(order).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                return message["result"]

    def open(self, page: Path) -> None:
        """Show a file and wait until all charts that can be seen are drawn."""
        self.call("Page.navigate", url=page.as_uri())
        self.wait("document.readyState === 'complete'")
        seen = "c.closest('details:not([open])') || c.querySelector('svg.marks')"
        self.wait(f"[...document.querySelectorAll('.chart')].every(c => {seen})")

    def run(self, script: str) -> Any:
        """The value of an expression in the page; what it awaits is awaited."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, script: str) -> None:
        """Until an expression is true; looked at once a frame, half a minute at most."""
        loop = f"""new Promise((good, bad) => {{
          const look = (left) => {{
            if ({script}) good(true);
            else if (left === 0) bad(new Error("never came true: " + {json.dumps(script)}));
            else setTimeout(look, 50, left - 1);
          }};
          look(1200);
        }})"""
        self.run(loop)

    def click(self, selector: str, at: int = 0) -> None:
        """A real click in the middle of an element, once it stands still: charts that come into view are drawn then."""
        spot = self.run(f"""(async () => {{
          const found = document.querySelectorAll({json.dumps(selector)})[{at}];
          const middle = () => {{
            found.scrollIntoView({{ block: "center", behavior: "instant" }});
            const box = found.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
          }};
          for (let still = 0, last = middle(); still < 3; ) {{
            await new Promise(requestAnimationFrame);
            const now = middle();
            still = now[0] === last[0] && now[1] === last[1] ? still + 1 : 0;
            last = now;
          }}
          return middle();
        }})()""")
        self.point(*spot)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=spot[0], y=spot[1], button="left", clickCount=1)

    def point(self, x: float, y: float) -> None:
        """Move the pointer there."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def write(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            part = self.answers.read(65536)
            assert part, "the browser has gone"
            self.rest += part
        line, _, self.rest = self.rest.partition(b"\0")
        message = json.loads(line)
        if message.get("method") == "Runtime.consoleAPICalled":
            self.console.append(json.dumps(message["params"]["args"]))
        elif message.get("method") == "Runtime.exceptionThrown":
            self.console.append(json.dumps(message["params"]["exceptionDetails"]))
        elif message.get("method") == "Log.entryAdded":
            self.console.append(message["params"]["entry"]["text"])
        elif message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"][:200])
        return message
