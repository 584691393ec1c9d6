"""The page in a browser: all kinds of questions, by mouse and by keyboard."""

import re

import pytest
from sklearn.datasets import load_wine

from skmix.human import ElicitationServer, load_judgments, make_mix_tasks

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
KINDS = ["infer", "construct", "select", "soft"]


@pytest.fixture
def open_page(browser):
    """Opens a page in a window of its own; fails where the page complains."""
    complaints, contexts = [], []

    def start(url, **settings):
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(url)
        return page

    yield start
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def path(tmp_path):
    return tmp_path / "judgments.jsonl"


@pytest.fixture
def serve(make_tasks, path):
    running = []

    def start(kind="infer", **params):
        tasks = make_tasks(kind, n_tasks=3, n_repeats=1)
        running.append(ElicitationServer(tasks, path, **params).start())
        return running[-1]

    yield start
    for server in running:
        server.stop()


def begin(page, name="kat"):
    """Say who it is, and try one out."""
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text("Practice: this is not recorded")).to_be_visible()


def at(page, number, of=4):
    expect(page.get_by_text(f"Question {number} of {of}")).to_be_visible()


def by_mouse(page, kind):
    """Answer what is asked; press the button."""
    if kind == "infer":
        for label, part in (("How much of each", 0.25), ("How sure", 0.8)):
            slider = page.get_by_label(label)
            box = slider.bounding_box()
            place = {"x": part * box["width"], "y": box["height"] / 2}
            slider.click(position=place)
    elif kind == "construct":
        # In the middle.
        page.get_by_label("Move to where").click()
    elif kind == "select":
        page.get_by_role("radio").nth(4).check(force=True)
    else:
        page.get_by_label("Most likely").select_option("three")
        page.get_by_label("Percent").first.fill("70")
        page.get_by_label("Perhaps also").select_option("eight")
        page.get_by_label("Percent").nth(1).fill("20")
        page.get_by_label("one", exact=True).check()
    page.locator("#next").click()


def by_keyboard(page, kind):
    """Answer by keys alone, from the heading on, which has the focus."""
    press = page.keyboard.press
    if kind == "infer":
        press("Tab")
        press("End")
        for _ in range(10):
            press("ArrowLeft")
        press("Tab")
        press("Space")
    elif kind == "construct":
        press("h" if page.get_by_label("Move to").input_value() == "1" else "g")
    elif kind == "select":
        press("Tab")
        press("Space")
        press("ArrowRight")
    else:
        press("Tab")
        page.keyboard.type("th")
        press("Tab")
        page.keyboard.type("60")
    press("Enter")


@pytest.mark.parametrize("way", [by_mouse, by_keyboard])
@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_of_questions(serve, open_page, path, kind, way):
    server = serve(kind)
    page = open_page(server.url_)
    begin(page)
    way(page, kind)
    for number in range(1, 5):
        at(page, number)
        assert len(load_judgments(path)) == number - 1 if path.stat().st_size else True
        way(page, kind)
    expect(page.get_by_role("heading", name="That is all")).to_be_visible()
    assert server.wait(1)
    answers = load_judgments(path)
    assert len(answers) == 4
    assert answers.annotator.tolist() == ["kat"] * 4
    assert answers.repeat.sum() == 1
    assert (answers.rt_ms >= 0).all()
    if kind == "infer":
        right = 0.25 if way is by_mouse else 0.9
        share = [1 - right if left == "a" else right for left in answers.left]
        assert answers.inferred.tolist() == pytest.approx(share, abs=0.02)
        sure = 0.8 if way is by_mouse else 0.5
        assert answers.confidence.tolist() == pytest.approx([sure] * 4, abs=0.02)
    elif kind == "construct" and way is by_mouse:
        assert answers.lam.tolist() == [0.5] * 4
    elif kind == "construct":
        assert set(answers.lam.tolist()) <= {0.2, 0.8}
    elif kind == "soft":
        wanted = [0, 0.7 / 0.9, 0.2 / 0.9] if way is by_mouse else [0.2, 0.6, 0.2]
        assert answers.soft[0].tolist() == pytest.approx(wanted)


def test_nothing_goes_on_before_it_is_answered(serve, open_page, path):
    page = open_page(serve().url_)
    begin(page)
    expect(page.locator("#next")).to_be_disabled()
    page.keyboard.press("Enter")
    page.get_by_label("How much of each").press("ArrowRight")
    expect(page.get_by_text(re.compile(r"49 % \w+, 51 % \w+"))).to_be_visible()
    expect(page.locator("#next")).to_be_disabled()
    # Enter leads to what is missing.
    page.get_by_label("How much of each").press("Enter")
    expect(page.get_by_label("How sure")).to_be_focused()
    expect(page.get_by_text("Practice")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#next")).to_be_enabled()
    assert path.read_bytes() == b""


@pytest.mark.parametrize("kind", ["infer", "construct"])
def test_a_key_that_is_held_down_answers_nothing(serve, open_page, path, kind):
    page = open_page(serve(kind).url_)
    begin(page)
    by_keyboard(page, kind)
    at(page, 1)
    by_keyboard(page, kind)
    at(page, 2)
    # Down again and again without having been up is a key that is held.
    for _ in range(60):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    at(page, 2)
    page.get_by_role("slider").first.focus()
    for _ in range(30):
        page.keyboard.down(" ")
        page.keyboard.down("Enter")
    page.keyboard.up(" ")
    page.keyboard.up("Enter")
    # Space and Enter, once each, are an answer where there is one slider.
    done = 2 if kind == "construct" else 1
    at(page, done + 1)
    assert len(load_judgments(path)) == done


def test_long_names_stay_within_a_phone(browser, path):
    wine = load_wine(as_frame=True)
    names = ["Barolo" * 9, "A wine of Grignolino from the hills", "x" * 60]
    for kind in ("infer", "soft"):
        tasks = make_mix_tasks(
            wine.data, wine.target, kind=kind, n_tasks=3, class_names=names
        )
        with ElicitationServer(tasks, path, annotator=kind) as server:
            page = browser.new_page(viewport={"width": 360, "height": 740})
            page.goto(server.url_)
            page.get_by_role("button", name="Begin").click()
            expect(page.get_by_text("Practice")).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            page.close()


def test_a_step_is_shown_as_it_is_chosen(serve, open_page):
    page = open_page(serve("construct").url_)
    begin(page)
    shown = set()
    for _ in range(11):
        shown.add(page.locator("figure img").get_attribute("src"))
        page.keyboard.press("g")
    for _ in range(11):
        shown.add(page.locator("figure img").get_attribute("src"))
        page.keyboard.press("h")
    assert len(shown) == 11


def test_undo_skip_and_reload(serve, open_page, path):
    server = serve()
    page = open_page(server.url_)
    begin(page)
    by_keyboard(page, "infer")
    at(page, 1)
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    first = page.locator("figure img").get_attribute("src")
    ends = page.locator(".ends").first.inner_text()
    by_keyboard(page, "infer")
    at(page, 2)
    page.get_by_role("button", name="Undo").click()
    at(page, 1)
    assert page.locator("figure img").get_attribute("src") == first
    assert len(load_judgments(path)) == 0
    page.get_by_role("button", name="Skip").click()
    page.get_by_label("Another reason").fill("too dark for me")
    page.get_by_role("button", name="Skip for this reason").click()
    at(page, 2)
    assert '"skip": "too dark for me"' in path.read_text()
    by_mouse(page, "infer")
    at(page, 3)
    # The address has no token any more; the window remembers it.
    assert "token" not in page.url
    page.reload()
    page.get_by_label("Your name").fill("kat")
    page.get_by_role("button", name="Begin").click()
    # Who has begun needs no practice.
    at(page, 3)
    page.get_by_role("button", name="Undo").click()
    at(page, 2)
    page.get_by_role("button", name="Undo").click()
    at(page, 1)
    assert page.locator("figure img").get_attribute("src") == first
    assert page.locator(".ends").first.inner_text() == ends


def test_two_people_at_a_time(serve, open_page, path):
    server = serve()
    kat, tom = open_page(server.url_), open_page(server.url_)
    begin(kat, "kat")
    begin(tom, "tom")
    for number in range(5):
        for page in (kat, tom):
            if number:
                at(page, number)
            by_keyboard(page, "infer")
    for page in (kat, tom):
        expect(page.get_by_role("heading", name="That is all")).to_be_visible()
    assert server.progress_ == {"kat": (4, 4), "tom": (4, 4)}
    answers = load_judgments(path)
    assert sorted(answers.annotator.tolist()) == ["kat"] * 4 + ["tom"] * 4


def test_a_server_that_is_killed_and_comes_back(
    make_tasks, command, open_page, tmp_path, path
):
    make_tasks(n_tasks=3, n_repeats=1).save(tmp_path / "tasks.json")
    arguments = [tmp_path / "tasks.json", "--out", path, "--no-browser"]
    arguments += ["--annotator", "kat"]
    process, url = command(*arguments)
    page = open_page(url)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text("Practice")).to_be_visible()
    by_keyboard(page, "infer")
    for number in (1, 2):
        at(page, number)
        by_keyboard(page, "infer")
    at(page, 3)
    process.kill()
    process.wait()
    process, url = command(*arguments)
    page.goto(url)
    page.get_by_role("button", name="Begin").click()
    for number in (3, 4):
        at(page, number)
        by_keyboard(page, "infer")
    expect(page.get_by_role("heading", name="That is all")).to_be_visible()
    process.wait(timeout=20)
    assert process.returncode == 0
    assert len(load_judgments(path)) == 4


def test_what_is_not_taken_is_said_and_can_be_sent_again(serve, browser, path):
    server = serve()
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.url_)
    begin(page)
    by_keyboard(page, "infer")
    at(page, 1)
    context.set_offline(True)
    by_keyboard(page, "infer")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("the server does not answer. Please try again.")
    context.set_offline(False)
    page.locator("#next").click()
    at(page, 2)
    assert len(load_judgments(path)) == 1
    context.close()


def test_consent_comes_first(serve, open_page):
    page = open_page(
        serve(consent="We keep <b>your</b> answers.", annotator="kat").url_
    )
    expect(page.get_by_text("We keep <b>your</b> answers.")).to_be_visible()
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text("Practice")).to_be_hidden()
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text("Practice")).to_be_visible()


SCREENS = [("light", 1280, 800), ("dark", 1280, 800), ("light", 360, 740)]


@pytest.mark.parametrize(("scheme", "width", "height"), SCREENS)
@pytest.mark.parametrize("kind", [*KINDS, "card"])
def test_accessibility(serve, open_page, path, kind, scheme, width, height):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    if kind == "card":
        wine = load_wine(as_frame=True)
        tasks = make_mix_tasks(wine.data, wine.target, n_tasks=3, n_repeats=1)
        server = ElicitationServer(tasks, path).start()
    else:
        server = serve(kind)
    page = open_page(
        server.url_,
        color_scheme=scheme,
        viewport={"width": width, "height": height},
        # Its rules are put into the page as a script, which ours does not allow.
        bypass_csp=True,
    )
    of_kind = "infer" if kind == "card" else kind

    def check():
        found = axe.run(page)
        assert found.violations_count == 0, found.generate_report()
        # Nothing is cut off at the side.
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width

    page.get_by_label("Your name").wait_for()
    check()
    begin(page)
    check()
    by_mouse(page, of_kind)
    at(page, 1)
    page.get_by_role("button", name="Skip").click()
    check()
    if kind == "card":
        server.stop()


def test_the_focus_goes_from_top_to_bottom(serve, open_page):
    page = open_page(serve().url_)
    begin(page)
    by_keyboard(page, "infer")
    at(page, 1)
    by_keyboard(page, "infer")
    at(page, 2)
    assert page.evaluate("document.activeElement.tagName") == "H1"
    page.get_by_label("How much of each").press("ArrowRight")
    page.get_by_label("How sure").press("ArrowRight")
    page.evaluate("document.querySelector('h1').focus()")
    found = []
    for _ in range(5):
        page.keyboard.press("Tab")
        found.append(page.evaluate("document.activeElement.id"))
    assert found == ["share", "confidence", "undo", "skip", "next"]
