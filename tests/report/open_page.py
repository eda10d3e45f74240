"""Open a page in the Chromium of QtWebEngine and print what it shows as JSON.

``python open_page.py PAGE.html light|dark``; needs PySide6, and no display.
"""

from __future__ import annotations

import json
import os
import sys

SCHEMES = {"light": 1, "dark": 0}

SHOWN = """JSON.stringify({
    verdict: document.getElementById('verdict-title').innerText,
    n_svg: document.querySelectorAll('svg').length,
    background: getComputedStyle(document.body).backgroundColor,
    text: getComputedStyle(document.body).color,
    n_links: [...document.querySelectorAll('a[href]')].filter(a => a.tabIndex >= 0).length,
    targets: [...document.querySelectorAll('a[href^="#"]')].every(
        a => document.querySelector(a.getAttribute('href'))),
    overflow: document.documentElement.scrollWidth - window.innerWidth,
})"""


def main(path: str, scheme: str) -> None:
    """Load the page, ask it, print it to PDF, and quit."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["QTWEBENGINE_CHROMIUM_FLAGS"] = (
        f"--no-sandbox --disable-gpu --blink-settings=preferredColorScheme={SCHEMES[scheme]}"
    )
    from PySide6.QtCore import QTimer, QUrl
    from PySide6.QtWebEngineCore import QWebEnginePage, QWebEngineUrlRequestInterceptor
    from PySide6.QtWebEngineWidgets import QWebEngineView
    from PySide6.QtWidgets import QApplication

    found: dict[str, object] = {"asked": [], "console": []}

    class Interceptor(QWebEngineUrlRequestInterceptor):
        def interceptRequest(self, info):
            found["asked"].append(info.requestUrl().scheme())

    class Page(QWebEnginePage):
        def javaScriptConsoleMessage(self, level, message, line, source):
            found["console"].append(message)

    app = QApplication(sys.argv[:1])
    view, interceptor = QWebEngineView(), Interceptor()
    page = Page(view)
    page.setUrlRequestInterceptor(interceptor)
    view.setPage(page)
    view.resize(1000, 800)
    view.show()

    def printed(pdf: object) -> None:
        found["pdf_bytes"] = len(bytes(pdf.data()))
        app.quit()

    def told(text: str) -> None:
        found.update(json.loads(text))
        page.printToPdf(printed)

    page.loadFinished.connect(lambda _: page.runJavaScript(SHOWN, told))
    page.load(QUrl.fromLocalFile(path))
    QTimer.singleShot(50_000, app.quit)  # rather no answer than none ever
    app.exec()
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
