"""The blocks of `docs/pretraining.md` that `pretrain.py` writes."""

from typing import Any

from common import machine_line, make_table


def speed_lines(result: dict[str, Any]) -> list[str]:
    """RETURNS (list[str]): Speed, memory, and where the time goes."""
    rows = []
    for name, row in result["rows"].items():
        precision = name.split(", ")[1]
        is_ours = name.startswith("ours")
        memory = result["memory"].get(name)
        rows.append(
            (
                name,
                f"{row['median']:.1f}",
                f"{min(row['sentences_per_second']):.1f} – "
                f"{max(row['sentences_per_second']):.1f}",
                f"{result['ratios'][precision]:.2f}" if is_ours else "",
                f"{row['gflop_per_sentence_real']:.2f} / "
                f"{row['gflop_per_sentence_padded']:.2f}",
                f"{100 * row['share_of_peak_real']:.0f} / "
                f"{100 * row['share_of_peak_padded']:.0f} %",
                "–"
                if memory is None
                else f"{memory['peak_gib']:.2f} ({memory['peak_anonymous_gib']:.2f})",
                f"{row['loss_last_third']:.4f}",
            )
        )
    header = (
        "",
        "sentences/s",
        "slowest – fastest",
        "÷ plain",
        "GFLOP a sentence",
        "of the peak",
        "GiB",
        "loss",
    )
    peaks = " and ".join(
        f"{peak / 1e9:.0f} GFLOP/s ({name})" for name, peak in result["peaks"].items()
    )
    ours = result["rows"]["ours, fp32"]
    agreement = result["agreement"]
    step, n_steps = ours["gflop_of_a_step"], result["memory"].get("n_steps", 0)
    whole = with_states(result, "fp32")
    lines = [
        *make_table(header, rows),
        "",
        "GFLOP: matrix products of both encoders and of the logits, forward and "
        "backward, frozen layers where they are computed; first on sub-tokens alone, "
        "then with padding. They are counted from the sizes: "
        f"{step['counted']:.1f} for one step of ours, where torch counts "
        f"{step['executed']:.1f} executed. Peak: the best of several square `torch.mm` "
        f"between the rounds, {peaks}. GiB: the most memory of a whole run of "
        f"{n_steps} steps, from reading the corpus to the checkpoint, in a process of "
        "its own; in brackets without pages of files. Loss: mean over the last third "
        "of the steps. On one batch without dropout both loops have the loss "
        f"{agreement['ours']:.6f} and {agreement['plain loop']:.6f}.",
        "",
        "The states above the frozen layers are computed once, in "
        f"{1000 * ours['seconds_of_states']:.1f} ms a sentence: over "
        f"{result['settings']['max_epochs']} epochs, ours is {whole:.2f} times as fast "
        "with them. At the whole peak and without any padding, ours would be "
        f"{find_ceiling(result):.2f} times as fast as the plain loop; ours in bf16 is "
        f"{bf16_gain(result):.2f} times as fast as the plain loop in fp32.",
        "",
        *time_lines(result),
        "",
        f"Median of {result['n_rounds']} rounds of {result['n_steps']} steps by the "
        f"{result['clock']} clock; {goal_line(result)} `{result['command']}`, "
        f"{machine_line(result)}",
    ]
    return lines


def with_states(result: dict[str, Any], precision: str) -> float:
    """RETURNS (float): Plain time by ours, with what a run does once."""
    ours = result["rows"][f"ours, {precision}"]
    plain = result["rows"][f"plain loop, {precision}"]
    once = ours["seconds_of_states"] / result["settings"]["max_epochs"]
    return (1 / plain["median"]) / (1 / ours["median"] + once)


def find_ceiling(result: dict[str, Any]) -> float:
    """RETURNS (float): Ours at the whole peak, by the plain loop."""
    needed = result["rows"]["ours, fp32"]["gflop_per_sentence_real"] * 1e9
    return (
        result["peaks"]["fp32"] / needed / result["rows"]["plain loop, fp32"]["median"]
    )


def bf16_gain(result: dict[str, Any]) -> float:
    """RETURNS (float): What half precision adds to the rest."""
    rows = result["rows"]
    return rows["ours, bf16"]["median"] / rows["plain loop, fp32"]["median"]


def time_lines(result: dict[str, Any]) -> list[str]:
    """RETURNS (list[str]): What a step is spent on."""
    groups = list(next(iter(result["time"].values())))
    rows = [
        (name, *(f"{100 * shares[group]:.1f}" for group in groups))
        for name, shares in result["time"].items()
    ]
    return make_table(("% of the time", *groups), rows)


def goal_line(result: dict[str, Any]) -> str:
    """RETURNS (str): Which goals are met."""
    words = {
        "ratio": "2.5 times the plain loop",
        "share_of_peak": "60 % of the peak",
        "optimizer": "an optimizer below a tenth",
        "peak_gib": "2 GiB",
    }
    met = [words[name] for name, is_met in result["met"].items() if is_met]
    missed = [words[name] for name, is_met in result["met"].items() if not is_met]
    parts = [
        f"{word}: {', '.join(names)}"
        for word, names in (("goals met", met), ("missed", missed))
        if names
    ]
    return "; ".join(parts) + "."


def gpu_lines(result: dict[str, Any]) -> list[str]:
    """RETURNS (list[str]): Speed of a large encoder on a GPU."""
    rows = [
        (
            name,
            f"{row['sentences_per_second']:,.0f}",
            f"{100 * row['share_of_peak']:.0f} %",
            f"{row['peak_gib']:.1f}",
            f"{row['hours']:.1f}",
        )
        for name, row in result["rows"].items()
    ]
    header = ("", "sentences/s", "of the peak", "GiB", "hours for 1 M × 10 epochs")
    sizes = result["encoder"]
    return [
        *make_table(header, rows),
        "",
        f"A random RoBERTa of {sizes['n_layers']} layers and width {sizes['width']}, "
        f"sentences of {result['mean_length']:.0f} sub-tokens, the paper's settings. "
        "Peak: `torch.mm` of the same precision. Median of "
        f"{result['n_rounds']} rounds of {result['n_steps']} steps. "
        f"`{result['command']}`, {result['gpu']}.",
    ]
