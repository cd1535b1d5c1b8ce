"""The benchmarks' command, and what it makes of measurements."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import cuda, publish, report
from benchmarks.__main__ import Run, parser
from benchmarks.cases import Case, Entrant, all_cases
from benchmarks.contenders import CONTENDERS, Skip, Work, make_run
from benchmarks.goals import constant_speed, faster, flat_memory, grown_memory, peak_memory
from benchmarks.results import Result
from benchmarks.tasks import Network, Training
from benchmarks.timing import Workers, race
from benchmarks.worker import Measured

ROOT = Path(__file__).parents[1]
TASK = Training(network=Network((4,), 2), batch=8, data="digits", n_rows=20)


def case(*keys, **settings):
    entrants = tuple(Entrant(key, key.title(), key, TASK) for key in keys)
    return Case("toy", "a toy", entrants, **settings)


def measured(speed, steps=3, rows=20, loss=1.0, peak=100.0, grown=10.0):
    return Measured(100 / speed, Work(100, steps, rows, loss), peak, grown)


def result(speeds, **settings):
    """Make a result of speeds by contender."""
    rounds = {key: [measured(speed) for speed in values] for key, values in speeds.items()}
    return Result(case(*speeds, **settings), rounds)


def test_ratios_are_medians_of_the_rounds_against_the_best_of_the_others():
    # A machine that halves its speed in the second round changes no ratio.
    got = result({"tfae": [40, 20, 40], "torch": [10, 5, 20], "jax": [20, 10, 10]})
    assert got.ratio(("torch",)) == 4
    assert got.ratio(("torch", "jax")) == 2
    assert got.ratio(("absent", "torch")) == 4
    assert got.ratio(("absent",)) is None


def test_goals_know_what_was_reached_and_what_was_not_measured():
    got = result({"tfae": [40], "torch": [20]})
    assert faster(2, "PyTorch", "torch").reached(got) is True
    assert faster(2.1, "PyTorch", "torch").reached(got) is False
    assert faster(2, "JAX", "jax").reached(got) is None
    assert peak_memory(100, "tfae").reached(got) is True
    assert grown_memory(9, "tfae").reached(got) is False
    assert constant_speed(0.9).measure(got) == 0.5
    assert flat_memory(20).measure(got) == 0


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (measured(10), []),
        (measured(10, steps=None, rows=None, loss=None), []),
        (measured(10, steps=2), ["toy: torch took [2] steps, not [3]"]),
        (measured(10, rows=19), ["toy: torch took [19] rows, not [20]"]),
        (measured(10, loss=2.5), ["toy: torch ended with the loss 2.5, the median is 1"]),
        (measured(10, loss=float("nan")), ["toy: torch ended with the loss nan, the median is 1"]),
    ],
)
def test_other_work_is_noticed(other, said):
    got = result({"tfae": [40], "keras": [20]})
    got.measured["torch"] = [other]
    assert got.problems() == said
    got.case = replace(got.case, same_work=False)
    assert got.problems() == []


def test_the_more_rounds_the_closer_losses_must_be():
    rounds = [measured(10, loss=1.3)]
    few = Result(case("tfae", "keras", "torch"), {"tfae": [measured(10)], "torch": rounds})
    few.measured["keras"] = [measured(10)]
    assert few.problems() == []
    many = Result(few.case, {key: 9 * values for key, values in few.measured.items()})
    assert many.problems() == ["toy: torch ended with the loss 1.3, the median is 1"]


def test_contenders_run_in_turns_and_those_that_cannot_are_named():
    order, said = [], []

    def measure(case, entrant, seed):
        if entrant.key == "jax":
            raise Skip("jax is not installed")
        order.append((seed, entrant.key))
        return measured(10)

    got = race(case("tfae", "jax", "torch"), measure, 2, said.append)
    assert order == [(0, "tfae"), (0, "torch"), (1, "torch"), (1, "tfae")]
    assert got.skipped == {"jax": "jax is not installed"}
    assert "  Jax: skipped, jax is not installed" in said


def test_nobody_races_where_ours_cannot():
    def measure(case, entrant, seed):
        raise Skip("not there yet")

    got = race(case("tfae", "torch"), measure, 2, lambda line: None)
    assert got.measured == {}
    assert got.problems() == []
    assert "tfae: skipped, not there yet." in report.section(got.as_dict())


def test_the_report_shows_losses_as_visibly_as_wins():
    goals = faster(5, "PyTorch", "torch"), faster(0.1, "JAX", "jax"), faster(9, "Keras", "keras")
    got = result({"tfae": [4000, 2000], "torch": [1000, 1000], "jax": [8000, 8000]}, goals=goals)
    record = json.loads(json.dumps(got.as_dict()))
    text = report.page({**MACHINE}, {"toy": record})
    assert "| Torch | 1,000 (1,000 to 1,000) | 3.00 | 1.00 |" in text
    assert "| Jax | 8,000 (8,000 to 8,000) | 0.375 | 1.00 |" in text
    assert "| toy | ≥ 5 × PyTorch | 3.00 | **missed** |" in text
    assert "| toy | ≥ 0.1 × JAX | 0.375 | reached |" in text
    assert "| toy | ≥ 9 × Keras | – | not measured |" in text


@pytest.mark.parametrize(
    ("unit", "cell"),
    [("rows/s", "200 (100 to 400)"), ("s", "0.500 (0.250 to 1.00)"), ("µs", "5,000 (2,500 to")],
)
def test_units(unit, cell):
    record = result({"tfae": [100, 200, 400]}, unit=unit).as_dict()
    assert f"| Tfae | {cell}" in report.section(record)


MACHINE = {
    "device": "cpu",
    "cpu": "A CPU",
    "cores": 2,
    "flags": ["avx2"],
    "memory_gb": 8.0,
    "python": "3.11",
    "packages": {"tfae": "0.1", "torch": None},
}


def test_the_line_of_the_machine_leaves_out_what_is_not_installed():
    line = report.machine_line(MACHINE)
    assert "A CPU (avx2), 2 cores" in line
    assert "torch" not in line


def test_the_plot_is_drawn(tmp_path):
    from benchmarks.plot import plot

    plot({"toy": result({"tfae": [4], "torch": [2]}).as_dict()}, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 0


def test_what_is_not_installed_is_skipped_by_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.delitem(sys.modules, "benchmarks.contenders.jax", raising=False)
    with pytest.raises(Skip, match="jax is not installed"):
        make_run("jax", TASK)


def test_the_table_of_cases_is_sound():
    cases = all_cases()
    assert len({case.name for case in cases}) == len(cases)
    for each in cases:
        keys = [entrant.key for entrant in each.entrants]
        assert len(set(keys)) == len(keys)
        assert {entrant.contender for entrant in each.entrants} <= set(CONTENDERS)
        tiny = each.tiny()
        assert tiny.entrants[0].key == keys[0]
        assert each.only(["keras"]).entrants[0] is each.entrants[0]


def test_the_products_of_a_network_are_those_of_its_layers():
    assert Network((392, 196), 98).products(784) == [
        *((784, 392), (392, 196), (196, 98)),
        *((98, 196), (196, 392), (392, 784)),
    ]
    assert Network((400,), 40, "variational").products(784)[1:3] == [(400, 80), (40, 400)]


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | environment,
    )


# Cases that share their processes: to start these takes longer than all the rest.
QUICK = ["digits", "one-row-digits", "growth", "many-fits"]


@pytest.mark.slow
def test_the_smoke_test_runs_cases_of_several_kinds_and_writes_its_files(tmp_path):
    done = run(
        *("--quick", "--only", *QUICK, "--contenders", "sklearn", "copy"),
        *("--json", str(tmp_path / "b.json"), "--markdown", str(tmp_path / "b.md")),
        *("--scratch", str(tmp_path)),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    content = json.loads((tmp_path / "b.json").read_text())
    assert list(content["cases"]) == QUICK
    assert all(case["contenders"] and not case["skipped"] for case in content["cases"].values())
    entries = content["cases"]["digits"]["contenders"]
    assert list(entries) == ["tfae", "sklearn", "copy"]
    assert {entry["rounds"][0]["work"]["items"] for entry in entries.values()} == {1797}
    assert entries["tfae"]["rounds"][0]["work"]["steps"] == 57
    assert content["machine"]["cpu"]
    assert "| tfae |" in (tmp_path / "b.md").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"b.json", "b.md"}, "scratch is left"


def test_the_command_lists_and_refuses_names(tmp_path):
    listed = run("--list")
    assert listed.returncode == 0
    assert "seed-256:" in listed.stdout
    refused = run("--only", "sead")
    assert refused.returncode == 1
    assert "Got 'sead'" in refused.stderr


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--repeats", "0", "an integer of at least 1. Got '0'"),
        ("--repeats", "-1", "an integer of at least 1. Got '-1'"),
        ("--repeats", "many", "an integer of at least 1. Got 'many'"),
        ("--json", "absent/x.json", "a folder that exists. Got 'absent/x.json'"),
        ("--json", "file/x.json", "a folder that exists. Got 'file/x.json'"),
        ("--json", ".", "a file that can be written, in a folder that exists. Got '.'"),
        ("--markdown", ".", "a file that can be written, in a folder that exists. Got '.'"),
        ("--plot", "absent/x.png", "a folder that exists. Got 'absent/x.png'"),
        ("--plot", "x.foo", "Got 'x.foo'"),
        ("--scratch", "absent", "a folder that can be written to. Got 'absent'"),
        ("--scratch", "file", "a folder that can be written to. Got 'file'"),
        ("--memmap-gb", "nan", "a number above 0. Got 'nan'"),
        ("--memmap-gb", "inf", "a number above 0. Got 'inf'"),
        ("--memmap-gb", "-1", "a number above 0. Got '-1'"),
        ("--memmap-gb", "0", "a number above 0. Got '0'"),
        ("--memmap-gb", "much", "a number above 0. Got 'much'"),
    ],
)
def test_options_are_checked_before_anything_runs(
    option, value, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(SystemExit) as ended:
        parser().parse_args([option, value])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert f"error: argument {option}: must " in error
    assert said in error
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("top", ["-3", "0", "all"])
def test_the_profile_prints_some_operations(top, monkeypatch, capsys):
    from benchmarks import step_profile  # with TensorFlow

    monkeypatch.setattr(sys, "argv", ["step_profile", "digits", "--top", top])
    monkeypatch.setattr(step_profile, "make_run", lambda *task: pytest.fail("it was run"))
    with pytest.raises(SystemExit) as ended:
        step_profile.main()
    assert ended.value.code == 2
    assert f"must be an integer of at least 1. Got '{top}'" in capsys.readouterr().err


def test_outputs_may_be_new_or_replaced(tmp_path):
    for name in ("new.PNG", "new.svg"):
        assert parser().parse_args(["--plot", str(tmp_path / name)]).plot == tmp_path / name
    old = tmp_path / "old.json"
    old.touch()
    assert parser().parse_args(["--json", str(old), "--repeats", "2"]).json == old


@pytest.mark.slow
def test_nothing_is_measured_on_a_gpu_that_is_not_there(tmp_path):
    output = str(tmp_path / "b.json")
    done = run(
        *("--quick", "--device", "gpu", "--only", "import", "--json", output),
        CUDA_VISIBLE_DEVICES="-1",
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "--device must be cpu where TensorFlow sees no GPU. Got 'gpu'." in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_whole_smoke_test():
    done = run("--quick")
    assert done.returncode == 0, done.stdout + done.stderr


ENTRY = dict.fromkeys(["title", "speed", "seconds", "loss", "first_is_faster_by"])
MEASURED = {
    **dict.fromkeys(["unit", "skipped", "goals", "problems"]),
    "title": "one",
    "contenders": {"tfae": ENTRY},
}
FACTS = dict.fromkeys(["flags", "cores", "memory_gb", "device", "python", "packages"])


def results(*names, cpu="one", **other):
    cases = dict.fromkeys(names, MEASURED)
    return {"machine": {**FACTS, "cpu": cpu, "load_before": 1}, "cases": cases, **other}


def without(part):
    return {**results(), "cases": {"deep": {k: v for k, v in MEASURED.items() if k != part}}}


def test_cases_that_left_the_table_are_told():
    old = results("deep", "digits")
    old["cases"]["gone"] = MEASURED
    assert publish.left_out(old) == ["gone"]
    assert list(publish.merged(old, results("deep"))["cases"]) == ["digits", "deep"]
    assert publish.left_out(results("deep")) == publish.left_out(None) == []


def test_published_results_are_replaced_case_by_case_in_the_tables_order():
    old = results("deep", "digits")
    old["machine"]["load_before"] = 2
    new = {**MEASURED, "title": "new"}
    got = publish.merged(old, {**results("deep"), "cases": {"deep": new}})
    assert got["cases"] == {"digits": MEASURED, "deep": new}
    assert list(got["cases"]) == ["digits", "deep"]
    assert publish.merged(None, results("deep"))["cases"] == {"deep": MEASURED}


def test_what_must_not_be_published_is_refused():
    with pytest.raises(ValueError, match=r"of one machine.*digits"):
        publish.merged(results("deep", "digits"), results("deep", cpu="another"))
    publish.merged(results("deep"), results("deep", cpu="another"))  # nothing of the old is left
    with pytest.raises(ValueError, match="whole run"):
        publish.merged(None, results("deep", quick=True))
    with pytest.raises(ValueError, match=r"whole run.*too fast"):
        publish.merged(None, results("deep", failures=["too fast"]))


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ({}, "what --json writes, a machine and cases. Got {}."),
        ([1, 2], "what --json writes, a machine and cases. Got [1, 2]."),
        ({"machine": 1, "cases": [2]}, "what --json writes, a machine and cases."),
        (results(), "what --json writes, a machine and cases."),
        ({**results("deep"), "cases": {"deep": 3}}, "must have measurements. Got none of deep."),
        (
            {**results("digits"), "cases": {"digits": MEASURED, "deep": {"contenders": {}}}},
            "Every case must have measurements. Got none of deep.",
        ),
        (results("digit"), "must be in the table of cases. Got 'digit'. Did you mean 'digits'?"),
        (without("title"), "The case 'deep' must have a 'title', as --json writes it. Got none."),
        (without("goals"), "The case 'deep' must have a 'goals', as --json writes it. Got none."),
        (
            {**results(), "cases": {"deep": {**MEASURED, "title": ""}}},
            "The case 'deep' must have a 'title', as --json writes it. Got none.",
        ),
        (
            {**results(), "cases": {"deep": {**MEASURED, "contenders": {"tfae": {"title": "t"}}}}},
            "The contender 'tfae' of 'deep' must have a 'speed', as --json writes it. Got none.",
        ),
        ({**results("deep"), "machine": {"cpu": "one"}}, "The machine must have a 'flags'"),
    ],
)
def test_files_without_results_change_nothing(new, said, tmp_path, monkeypatch, capsys):
    for name in ("_RESULTS", "_PAGE", "_PLOT"):
        monkeypatch.setattr(publish, name, tmp_path / name)
    (tmp_path / "_RESULTS").write_text(json.dumps(results("digits")))
    file = tmp_path / "new.json"
    file.write_text(json.dumps(new))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(sys, "argv", ["publish", str(file)])
    with pytest.raises(SystemExit) as ended:
        publish.main()
    assert ended.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"error: cannot publish {file}. " in last
    assert said in last
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_tables_go_between_the_marks_of_the_page():
    start, end = publish._MARKS
    page = publish.with_tables(f"before\n{start}\nold\n{end}\nafter\n", "new\n")
    assert page == f"before\n{start}\n\nnew\n\n{end}\nafter\n"
    assert publish.with_tables(page, "new\n") == page
    with pytest.raises(ValueError, match="must have the lines"):
        publish.with_tables(f"before {start}", "new")


def test_the_published_page_is_made_of_the_published_results():
    results = json.loads(publish._RESULTS.read_text())
    page, tables = publish._PAGE.read_text(), report.page(results["machine"], results["cases"])
    assert publish.with_tables(page, tables) == page


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("MatMul_1.24", "MatMul"),
        ("multiply_add_fusion.3", "multiply_add_fusion"),
        ("while/body/_1/encoder_1/code_1/Relu:_MklNativeFusedMatMul", "_MklNativeFusedMatMul"),
    ],
)
def test_operations_are_profiled_by_kind(name, kind):
    from benchmarks import step_profile  # with TensorFlow

    assert step_profile._kind(name) == kind
    assert not step_profile._AROUND.search(name)


def test_a_case_that_fails_is_written_down_and_the_others_go_on(tmp_path, monkeypatch):
    path = tmp_path / "b.json"
    first, second = all_cases()[:2]
    workers, started = Workers(0.0), []

    def fail(case, *_):
        raise MemoryError(case.name)

    monkeypatch.setattr("benchmarks.__main__.race", fail)
    monkeypatch.setattr(Workers, "start", lambda self, case: started.append(case.name))
    run = Run(parser().parse_args(["--quick", "--json", str(path)]), {})
    for case in (first, second):
        run.take(case, workers)
        assert json.loads(path.read_text())["failures"] == run.failures
    assert started == [first.name, second.name]
    assert [line.partition(": ")[0] for line in run.failures] == started


@pytest.mark.slow
def test_closed_workers_have_ended():
    case = next(case for case in all_cases() if case.name == "import").tiny()
    workers = Workers(0.0)
    workers.measure(case, case.entrants[1], 0)
    (process,) = next(iter(workers._processes.values()))._processes.values()
    workers.close()
    assert not process.is_alive()


def test_libraries_of_cuda_are_found_by_name_or_in_another_version(tmp_path):
    def made(place):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return path

    exact = made("site/nvidia/cudnn/lib/libcudnn.so.9")
    made("site/nvidia/cu13/lib/libcublas.so.13.0")
    newest = made("site/nvidia/cu13/lib/libcublas.so.13.10")
    made("site/nvidia/cu13/lib/libcublasLt.so.14")
    made("cuda-9.2/bin/ptxas")
    ptxas = made("cuda-13.0/bin/ptxas")
    device = made("site/triton/backends/nvidia/lib/libdevice.10.bc")
    homes = cuda.homes([tmp_path / "site", tmp_path / "absent"], [tmp_path / "cuda-*"])
    cuda.link(homes, tmp_path / "links")
    cuda.link(homes, tmp_path / "links")  # again, where it is from before
    links = tmp_path / "links"
    assert (links / "lib" / "libcudnn.so.9").resolve() == exact
    assert (links / "lib" / "libcublas.so.12").resolve() == newest
    assert (links / "bin" / "ptxas").resolve() == ptxas
    assert (links / "nvvm" / "libdevice" / "libdevice.10.bc").resolve() == device
    assert not (links / "lib" / "libcudart.so.12").exists()
    shell = f"set -eu; source {links}/environment; echo $LD_LIBRARY_PATH; echo $XLA_FLAGS"
    done = subprocess.run(
        ["bash", "-c", shell],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": "/mine"},
    )
    libraries, flags = done.stdout.splitlines()
    assert libraries.split(":") == [
        str(links / "lib"),
        *(str(tmp_path / "site" / "nvidia" / name / "lib") for name in ("cu13", "cudnn")),
        "/mine",
    ]
    assert flags == f"--xla_gpu_cuda_data_dir={links}"
