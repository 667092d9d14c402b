"""What a User-Agent field says about its client: type, system, device, name, in Mailgun's words.

Plain searches for words in a text of bounded length, the first that is found decides, so no field can cost
more than another. What nobody knows is "unknown".

Public: Client, read_agent, LONGEST.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

LONGEST = 300  # characters that are looked at

BROWSER, MOBILE_BROWSER, MAIL, LIBRARY, ROBOT = (
    "browser",
    "mobile browser",
    "email client",
    "library",
    "robot",
)
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Client:
    """`type`: browser, mobile browser, email client, library, robot; `device`: desktop, mobile, tablet."""

    type: str = UNKNOWN
    os: str = UNKNOWN
    device: str = UNKNOWN
    name: str = UNKNOWN

    def as_data(self) -> dict[str, str]:
        """As events carry it."""
        words = asdict(self)
        return {
            "client-type": words["type"],
            "client-os": words["os"],
            "device-type": words["device"],
            "client-name": words["name"],
        }


# A word of the field in lower case -> (name, type, device where that says it). More special ones first: a
# mail program's field also names the browser inside it, and every browser says it is Mozilla and Safari.
_NAMES: tuple[tuple[str, str, str, str], ...] = (
    ("googleimageproxy", "Gmail image proxy", ROBOT, ""),
    ("yahoomailproxy", "Yahoo Mail proxy", ROBOT, ""),
    ("yahoocachesystem", "Yahoo Mail proxy", ROBOT, ""),
    ("bingpreview", "Bing Preview", ROBOT, ""),
    ("skypeuripreview", "Skype URI Preview", ROBOT, ""),
    ("outlook-ios", "Outlook", MAIL, "mobile"),
    ("outlook-android", "Outlook", MAIL, "mobile"),
    ("microsoft outlook", "Outlook", MAIL, "desktop"),
    ("ms-office", "Outlook", MAIL, "desktop"),
    ("msoffice", "Outlook", MAIL, "desktop"),
    ("microsoft office", "Outlook", MAIL, "desktop"),
    ("thunderbird", "Thunderbird", MAIL, "desktop"),
    ("betterbird", "Betterbird", MAIL, "desktop"),
    ("airmail", "Airmail", MAIL, ""),
    ("spark/", "Spark", MAIL, ""),
    ("postbox", "Postbox", MAIL, "desktop"),
    ("evolution/", "Evolution", MAIL, "desktop"),
    ("kmail", "KMail", MAIL, "desktop"),
    ("emclient", "eM Client", MAIL, "desktop"),
    ("mailbird", "Mailbird", MAIL, "desktop"),
    ("the bat!", "The Bat!", MAIL, "desktop"),
    ("lotus-notes", "Lotus Notes", MAIL, "desktop"),
    ("foxmail", "Foxmail", MAIL, "desktop"),
    ("k-9 mail", "K-9 Mail", MAIL, "mobile"),
    ("headlesschrome", "Headless Chrome", ROBOT, ""),
    ("phantomjs", "PhantomJS", ROBOT, ""),
    ("puppeteer", "Puppeteer", ROBOT, ""),
    ("playwright", "Playwright", ROBOT, ""),
    ("python-requests", "Python Requests", LIBRARY, ""),
    ("python-urllib", "Python urllib", LIBRARY, ""),
    ("python-httpx", "HTTPX", LIBRARY, ""),
    ("aiohttp", "aiohttp", LIBRARY, ""),
    ("python/", "Python", LIBRARY, ""),
    ("curl/", "curl", LIBRARY, ""),
    ("wget/", "Wget", LIBRARY, ""),
    ("go-http-client", "Go HTTP client", LIBRARY, ""),
    ("apache-httpclient", "Apache HttpClient", LIBRARY, ""),
    ("okhttp", "OkHttp", LIBRARY, ""),
    ("java/", "Java", LIBRARY, ""),
    ("libwww-perl", "libwww-perl", LIBRARY, ""),
    ("guzzlehttp", "Guzzle", LIBRARY, ""),
    ("node-fetch", "node-fetch", LIBRARY, ""),
    ("axios/", "axios", LIBRARY, ""),
    ("ruby", "Ruby", LIBRARY, ""),
    ("winhttp", "WinHTTP", LIBRARY, ""),
    ("powershell", "PowerShell", LIBRARY, ""),
    ("bot", "robot", ROBOT, ""),
    ("crawler", "robot", ROBOT, ""),
    ("spider", "robot", ROBOT, ""),
    ("scanner", "robot", ROBOT, ""),
    ("samsungbrowser/", "Samsung Internet", BROWSER, ""),
    ("yabrowser/", "Yandex Browser", BROWSER, ""),
    ("ucbrowser/", "UC Browser", BROWSER, ""),
    ("vivaldi/", "Vivaldi", BROWSER, ""),
    ("duckduckgo/", "DuckDuckGo", BROWSER, ""),
    ("opr/", "Opera", BROWSER, ""),
    ("opera", "Opera", BROWSER, ""),
    ("edg/", "Edge", BROWSER, ""),
    ("edga/", "Edge", BROWSER, ""),
    ("edgios/", "Edge", BROWSER, ""),
    ("edge/", "Edge", BROWSER, ""),
    ("fxios/", "Firefox", BROWSER, ""),
    ("firefox/", "Firefox", BROWSER, ""),
    ("crios/", "Chrome", BROWSER, ""),
    ("chromium/", "Chromium", BROWSER, ""),
    ("chrome/", "Chrome", BROWSER, ""),
    ("msie ", "Internet Explorer", BROWSER, ""),
    ("trident/", "Internet Explorer", BROWSER, ""),
)
_OSES: tuple[tuple[str, str], ...] = (
    ("windows phone", "Windows Phone"),
    ("windows", "Windows"),
    ("ipad", "iOS"),
    ("iphone", "iOS"),
    ("ipod", "iOS"),
    ("outlook-ios", "iOS"),
    ("android", "Android"),
    ("cros ", "Chrome OS"),
    ("mac os x", "OS X"),
    ("macintosh", "OS X"),
    ("darwin", "OS X"),
    ("freebsd", "FreeBSD"),
    ("linux", "Linux"),
)
_HAND_HELD = ("iphone", "ipod", "mobile", "windows phone", "opera mini", "blackberry")
_TABLETS = ("ipad", "tablet", "kindle", "silk/")
_DESKTOPS = ("Windows", "OS X", "Linux", "Chrome OS", "FreeBSD")


def read_agent(agent: str) -> Client:
    """What the field says; nothing of it is proven."""
    text = agent[:LONGEST].lower()
    os = next((name for word, name in _OSES if word in text), UNKNOWN)
    name, kind, device = _named(text)
    if kind in (LIBRARY, ROBOT):
        return Client(kind, os, UNKNOWN, name)
    device = device or _device(text, os)
    if kind == BROWSER and device in ("mobile", "tablet"):
        kind = MOBILE_BROWSER
    return Client(kind, os, device, name)


def _named(text: str) -> tuple[str, str, str]:
    """(name, type, device); the device "" where the name does not say it."""
    for word, name, kind, device in _NAMES:
        if word in text:
            return name, kind, device
    if "applewebkit" in text and "safari/" in text:
        if "android" in text:
            return "Android Browser", BROWSER, ""
        return ("Mobile Safari" if "mobile/" in text else "Safari"), BROWSER, ""
    if "applewebkit" in text and ("mac os x" in text or "iphone" in text or "ipad" in text):
        return "Apple Mail", MAIL, ""  # the browser inside names no Safari
    return UNKNOWN, UNKNOWN, ""


def _device(text: str, os: str) -> str:
    if any(word in text for word in _TABLETS) or (os == "Android" and "mobile" not in text):
        return "tablet"
    if any(word in text for word in _HAND_HELD) or os == "Android":
        return "mobile"
    return "desktop" if os in _DESKTOPS else UNKNOWN
