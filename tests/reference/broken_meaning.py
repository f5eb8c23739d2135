# ruff: noqa: E501 -- a document stands on as many lines here as it has, because lines and columns are counted
"""Documents with mistakes of meaning: expressions, files, order, parameters; and documents with many mistakes."""

from tests.reference.marking import Broken, in_loop, setting, tasks

EXPRESSIONS = [
    Broken("expression_not_closed", setting("(1 + "), ("syntax|expression|pars|closed|expect",)),
    Broken("expression_with_two_values", setting("(1 2)"), ("syntax|expression|pars|expect",)),
    Broken("quote_not_closed", setting("'abc"), ("syntax|expression|pars|closed|terminat",)),
    Broken("text_after_an_expression", setting("(1 + 1) days"), ("syntax|expression|pars|expect",)),
    Broken("statement", setting("(import os)"), ("syntax|expression|pars|expect",)),
    Broken("unknown_name_in_expression", setting("(metdata['i'])"), ("metdata",)),
    Broken("unknown_constant", setting("(constants.yaer)"), ("yaer",)),
    Broken("unknown_function", setting("(sqr(2))"), ("sqr",)),
    Broken("unknown_method", setting("('a'.uper())"), ("uper",)),
    Broken("unknown_random", setting("(random.gaus(0, 1))"), ("gaus",)),
    Broken("unknown_parameter", tasks('{"task": "null", "seconds": ▶"(parameters[\'spede\'])"}', head='"parameters": {"speed": 1}, '), ("spede",)),
    Broken("variable_of_no_loop", setting("(metadata['j'])"), ("loop|variable|unknown|scope|no metadata",)),
    Broken("misspelled_loop_variable", in_loop('{"task": "null", "seconds": ▶"(metadata[\'i_idnex\'])"}'), ("i_idnex[\\s\\S]*i_index",)),
    Broken(
        "variable_after_its_loop",
        tasks('{"task": "execution_for_loop", "parameter": "i", "values": [1], "task_list": []}', '{"task": "null", "seconds": ▶"(metadata[\'i\'])"}'),
        ("loop|variable|unknown|scope|no metadata",),
    ),
    Broken("format_without_variable", setting("'{j}'.format(**metadata)"), ("loop|variable|unknown|scope|no metadata|key|format|j\\b",)),
    Broken("divided_by_zero", setting("(1 / 0)"), ("zero|divi",)),
    Broken("text_plus_number", setting("('a' + 1)"), ("str|text|\\+|type|concat",)),
    Broken("index_out_of_range", setting("([1, 2][2])"), ("range|index",)),
    Broken("key_not_there", setting("({'a': 1}['b'])"), ("key|'b'",)),
    Broken("square_root_of_a_negative_number", setting("(sqrt(-1))"), ("sqrt|domain|negative|math",)),
    Broken("number_out_of_a_text", setting("(int('x'))"), ("int\\(|integer|literal|number|invalid",)),
    Broken("too_many_arguments", setting("(sqrt(1, 2))"), ("sqrt|argument",)),
    Broken("format_without_argument", setting("('{} {}'.format(1))"), ("format|index|argument",)),
    Broken("fails_in_one_iteration", in_loop('{"task": "null", "seconds": ▶"(1 / metadata[\'i\'])"}', values="[1, 0]"), ("zero|divi",)),
    Broken("table_too_short", in_loop('{"task": "null", "seconds": ▶"([1, 2][metadata[\'i_index\']])"}', values="[1, 2, 3]"), ("range|index",)),
    Broken("metadata_not_requested", tasks('{"task": "make", "outputs": {"file": "f"}, "name": "a"}', '{"task": "null", "seconds": ▶"(requested_metadata[\'a\'][\'x\'])"}'), ("request",)),
    Broken(
        "metadata_that_nobody_emits",
        tasks('{"task": "make", "outputs": {"file": "f"}, "name": "a"}', '{"task": "make", "outputs": {"file": "g"}, "requires_metadata_from": ["a"], "c": ▶"(requested_metadata[\'a\'][\'txet\'])"}'),
        ("txet[\\s\\S]*text",),
    ),
    Broken("late_file_name", tasks('{"task": "make", "outputs": {"file": "f"}, "name": "a"}', '{"task": "make", "requires_metadata_from": ["a"], "outputs": {"file": ▶"(requested_metadata[\'a\'][\'text\'])"}}'), ("requested_metadata|late|run time|run",)),
    Broken("random_file_name", tasks('{"task": "make", "outputs": {"file": ▶"(str(random.random()))"}}'), ("random|late|run",)),
    Broken("late_task_type", tasks('{"task": "make", "outputs": {"file": "f"}, "name": "a"}', '{"task": ▶"(requested_metadata[\'a\'][\'text\'])", "requires_metadata_from": ["a"]}'), ("requested_metadata|late|run",)),
    Broken("late_name", tasks('{"task": "null", "name": ▶"(str(random.random()))"}'), ("random|late|run",)),
    Broken("random_directory", tasks('{"task": "null", "working_directory": ▶"(str(random.random()))"}'), ("random|late|run",)),
    Broken(
        "file_name_from_late_values",
        tasks(
            '{"task": "make", "outputs": {"file": "f"}, "name": "a"}',
            '{"task": "execution_for_loop", "parameter": "i", "requires_metadata_from": ["a"], "values": "(requested_metadata[\'a\'][\'items\'])", "task_list": [\n'
            '      {"task": "make", "outputs": {"file": ▶"\'g_{i}\'.format(**metadata)"}}]}',
        ),
        ("index|indices|late|run",),
    ),
    Broken("file_name_is_a_folded_number", tasks('{"task": "use", "inputs": {"one": ▶"(1 + 1)"}}'), ("text|string|name",)),
    Broken("unknown_parameter_in_a_job_name", '{\n  "job_name": ▶"(parameters[\'a\'])",\n  "task_list": []\n}', ("parameter",)),
]  # fmt: skip

HOSTILE = [
    Broken("import", setting("(__import__('os').system('true'))"), ("__import__|system",)),
    Broken("eval", setting("(eval('1'))"), ("eval",)),
    Broken("open", setting("(open('/etc/passwd'))"), ("open",)),
    Broken("getattr", setting("(getattr(1, 'real'))"), ("getattr",)),
    Broken("class_of_a_value", setting("(().__class__.__bases__[0].__subclasses__())"), ("__subclasses__|__bases__|__class__|attribute",)),
    Broken("class_in_a_format", setting("('{0.__class__}'.format(1))"), ("__class__|attribute|format",)),
    Broken("globals_in_a_format", setting("('{0.random.__globals__}'.format(random))"), ("__globals__|random|attribute|format",)),
    Broken("format_by_map", setting("('{a.__class__}'.format_map({'a': 1}))"), ("format_map|__class__|attribute",)),
    Broken("class_in_an_f_string", setting("(f'{().__class__}')"), ("__class__|attribute",)),
    Broken("class_in_a_method_of_a_method", setting("('a'.upper.__self__)"), ("__self__|attribute|upper",)),
    Broken("attribute_of_a_number", setting("((1).real)"), ("real|attribute",)),
    Broken("anonymous_function", setting("((lambda: 1)())"), ("lambda|anonymous|function|Lambda",)),
    Broken("assignment", setting("((x := 1) + x)"), (":=|walrus|assign|NamedExpr",)),
    Broken("set", setting("({1, 2})"), ("set",)),
    Broken("shift", setting("(1 << 2)"), ("<<|shift",)),
    Broken("bytes", setting("(b'abc')"), ("bytes|b'",)),
    Broken("starred", setting("([*range(3)])"), ("\\*|star",)),
    Broken("identity", setting("(1 is 1)"), ("\\bis\\b",)),
    Broken("waiting", setting("(await x)"), ("await|syntax|expression",)),
    Broken("giving", setting("((yield 1))"), ("yield|Yield|syntax|expression",)),
    Broken("tower_of_powers", setting("(9 ** 9 ** 9)"), ("more than|large|big|bound|limit|size|time|power",)),
    Broken("endless_text", setting("('a' * 10 ** 10)"), ("more than|large|big|long|bound|limit|size",)),
    Broken("endless_list", setting("([0] * 10 ** 10)"), ("more than|large|big|long|bound|limit|size",)),
    Broken("endless_range", setting("(sum(range(10 ** 12)))"), ("more than|large|big|long|bound|limit|size|time|steps",)),
    Broken("endless_comprehension", setting("([0 for a in range(10 ** 5) for b in range(10 ** 5)])"), ("more than|large|big|long|bound|limit|size|time|steps",)),
    Broken("endless_format", setting("('%0999999999d' % 1)"), ("more than|large|big|long|bound|limit|size|width",)),
    Broken("endless_width", setting("('{:999999999}'.format(1))"), ("more than|large|big|long|bound|limit|size|width",)),
    Broken("endless_padding", setting("('a'.ljust(10 ** 10))"), ("more than|large|big|long|bound|limit|size|width|ljust",)),
    Broken("endless_replacement", setting("(('a' * 9999).replace('a', 'b' * 9999).replace('b', 'c' * 9999))"), ("more than|large|big|long|bound|limit|size|replace",)),
    Broken("endless_pow", setting("(pow(9, 9 ** 9))"), ("more than|large|big|bound|limit|size|time|power|pow",)),
    Broken("overflow", setting("(10.0 ** 400)"), ("more than|large|big|range|bound|limit|overflow",)),
    Broken("deep_brackets", setting("(" * 500 + "1" + ")" * 500), ("deep|nest|depth|bound|limit|many|complex",)),
    Broken("deep_negation", setting("(" + "-" * 5000 + "1)"), ("deep|nest|depth|bound|limit|long|many|complex",)),
]  # fmt: skip

FILES = [
    Broken("name_with_slash", tasks('{"task": "make", "outputs": {"file": ▶"a/b"}}'), ("/",)),
    Broken("name_with_backslash", tasks('{"task": "make", "outputs": {"file": ▶"a\\\\b"}}'), ("\\\\",)),
    Broken("name_is_empty", tasks('{"task": "make", "outputs": {"file": ▶""}}'), ("empty",)),
    Broken("name_is_a_dot", tasks('{"task": "make", "outputs": {"file": ▶"."}}'), ("\\.",)),
    Broken("name_goes_up", tasks('{"task": "use", "inputs": {"one": ▶".."}}'), ("\\.\\.",)),
    Broken("name_with_control_character", tasks('{"task": "make", "outputs": {"file": ▶"a\\nb"}}'), ("control|character|line break|newline",)),
    Broken("name_with_lone_surrogate", tasks('{"task": "make", "outputs": {"file": ▶"a\\ud800"}}'), ("surrogate|character|unicode",)),
    Broken("name_too_long", tasks('{"task": "make", "outputs": {"file": ▶"' + "ä" * 128 + '"}}'), ("255|long",)),
    Broken("folded_name_with_slash", in_loop('{"task": "make", "outputs": {"file": ▶"\'a/{i_index}\'.format(**metadata)"}}'), ("/",)),
    Broken("two_producers", tasks('{"task": "make", "outputs": {"file": ▶"f"}}', '{"task": "make", "outputs": {"file": ▷"f"}}'), ("two|twice|both|already|again|more than one|second|another|producer|maker",)),
    Broken("two_ports_one_file", tasks('{"task": "make", "outputs": {"file": ▶"f", "extra": ▷"f"}}'), ("two|twice|both|already|again|more than one|second|another|producer|maker",)),
    Broken("two_producers_by_directory", tasks('{"task": "make", "outputs": {"file": ▶"f"}}', '{"task": "make", "working_directory": "x", "outputs": {"file": ▷"f"}}', head='"working_directory": "x", '), ("two|twice|both|already|again|more than one|second|another|producer|maker",)),
    Broken("one_file_in_every_iteration", in_loop('{"task": "make", "outputs": {"file": ▶"f"}}'), ("two|twice|both|already|again|more than one|second|another|producer|maker|iteration|index|indices",)),
    Broken(
        "indices_run_together",
        tasks(
            '{"task": "execution_for_loop", "parameter": "i", "linear_range": [0, 1, 12], "task_list": [\n'
            '      {"task": "execution_for_loop", "parameter": "j", "linear_range": [0, 1, 12], "task_list": [\n'
            '        {"task": "make", "outputs": {"file": ▶"\'f_{i_index}{j_index}\'.format(**metadata)"}}]}]}'
        ),
        ("f_",),
    ),
    Broken("one_file_in_every_repetition", tasks('{"task": "execution_do_while_loop", "iteration_name": "n", "repeat_criterion": "(metadata[\'n_index\'] < 2)", "task_list": [{"task": "make", "outputs": {"file": ▶"f"}}]}'), ("two|twice|both|already|again|more than one|second|another|producer|maker|iteration|index|indices",)),
    Broken(
        "iterations_meet_a_single_file",
        tasks('{"task": "make", "outputs": {"file": ▶"f_1"}}', '{"task": "execution_for_loop", "parameter": "i", "values": [7, 8], "task_list": [{"task": "make", "outputs": {"file": ▷"\'f_{i_index}\'.format(**metadata)"}}]}'),
        ("f_",),
    ),
    Broken(
        "three_producers_with_branches",
        tasks(
            '{"task": "execution_conditional", "criterion": true, "task_list": [{"task": "make", "outputs": {"file": ▶"f"}}], "else_task_list": [{"task": "make", "outputs": {"file": ▷"f"}}]}',
            '{"task": "make", "outputs": {"file": ▷"f"}}',
        ),
        ("two|twice|both|already|again|more than one|second|another|producer|maker",),
    ),
    Broken(
        "file_of_a_loop_read_outside",
        tasks('{"task": "execution_for_loop", "parameter": "i", "values": [7, 8], "task_list": [{"task": "make", "outputs": {"file": "\'f_{i_index}\'.format(**metadata)"}}]}', '{"task": "use", "inputs": {"one": ▶"f_1"}}'),
        ("gather|many|loop",),
    ),
    Broken(
        "file_of_a_do_while_read_outside",
        tasks('{"task": "execution_do_while_loop", "iteration_name": "n", "repeat_criterion": false, "task_list": [{"task": "make", "outputs": {"file": "\'f_{n_index}\'.format(**metadata)"}}]}', '{"task": "use", "inputs": {"one": ▶"f_1"}}'),
        ("gather|many|loop|do-while|do_while",),
    ),
    Broken(
        "file_of_one_branch_read_outside",
        tasks('{"task": "execution_conditional", "criterion": true, "task_list": [{"task": "make", "outputs": {"file": "f"}}], "else_task_list": []}', '{"task": "use", "inputs": {"one": ▶"f"}}'),
        ("branch",),
    ),
    Broken(
        "file_of_the_other_branch",
        tasks('{"task": "execution_conditional", "criterion": true, "task_list": [{"task": "make", "outputs": {"file": "f"}}], "else_task_list": [{"task": "use", "inputs": {"one": ▶"f"}}]}'),
        ("branch",),
    ),
    Broken(
        "file_of_another_iteration",
        in_loop('{"task": "make", "outputs": {"file": "\'f_{}\'.format(metadata[\'i_index\'])"}}', '{"task": "use", "inputs": {"one": ▶"\'f_{}\'.format(metadata[\'i_index\'] - 1)"}}'),
        ("iteration|loop|gather|before",),
    ),
]  # fmt: skip

CIRCLES = [
    Broken("task_reads_its_own_file", tasks('▶{▷"task": ▷"use", ▷"inputs": {▷"one": ▷"f"}, "outputs": {"file": ▷"f"}}'), ("circle|cycle|itself|own",)),
    Broken(
        "two_tasks",
        tasks('▶{▷"task": ▷"use", "inputs": {▷"one": ▷"f"}, "outputs": {▷"file": ▷"g"}}', '▷{▷"task": ▷"use", "inputs": {▷"one": ▷"g"}, "outputs": {▷"file": ▷"f"}}'),
        ("circle|cycle|→|->",),
    ),
    Broken(
        "file_one_way_and_metadata_the_other",
        tasks('▶{▷"task": ▷"use", "name": "a", "inputs": {▷"one": ▷"f"}}', '▷{▷"task": ▷"make", "requires_metadata_from": [▷"a"], "outputs": {▷"file": ▷"f"}}'),
        ("circle|cycle|→|->",),
    ),
    Broken(
        "through_a_loop",
        tasks(
            '▶{▷"task": ▷"execution_for_loop", "name": "l", "parameter": "i", "values": [1], "task_list": [\n      ▷{▷"task": ▷"null"}, ▷{▷"task": ▷"use", "inputs": {▷"one": ▷"f"}}]}',
            '▷{▷"task": ▷"make", "requires_metadata_from": [▷"l"], "outputs": {▷"file": ▷"f"}}',
        ),
        ("circle|cycle|→|->",),
    ),
    Broken(
        "through_a_conditional",
        tasks(
            '▶{▷"task": ▷"execution_conditional", "name": "c", "criterion": true, "task_list": [\n      ▷{▷"task": ▷"use", "inputs": {▷"one": ▷"h"}, "outputs": {"file": "f"}}],'
            ' "else_task_list": [{"task": "make", "outputs": {"file": "f"}}]}',
            '▷{▷"task": ▷"use", "inputs": {▷"one": ▷"f"}, "outputs": {▷"file": ▷"h"}}',
        ),
        ("circle|cycle|→|->",),
    ),
]  # fmt: skip

PARAMETERS = [
    Broken("circle_of_parameters", '{\n  "parameters": {▶"a": ▷"(parameters[\'b\'])", ▷"b": ▷"(parameters[\'a\'])"},\n  "task_list": []\n}', ("circle|cycle|itself|each other",)),
    Broken("parameter_of_itself", '{\n  "parameters": {▶"a": ▷"(parameters[\'a\'] + 1)"},\n  "task_list": []\n}', ("circle|cycle|itself|each other",)),
    Broken("late_parameter", '{\n  "parameters": {"a": ▶"(random.random())"},\n  "task_list": []\n}', ("random|static|late",)),
    Broken("parameter_of_a_loop", '{\n  "parameters": {"a": ▶"(metadata[\'i\'])"},\n  "task_list": []\n}', ("metadata|static",)),
    Broken("failing_parameter", '{\n  "parameters": {"a": ▶"(1 / 0)"},\n  "task_list": []\n}', ("zero|divi",)),
]  # fmt: skip

MANY = [
    Broken(
        "a_typo_on_every_line",
        """{
  "job_name": "many",
  ▶"working_directry": "x",
  "tags": ["a", ▶2],
  "task_list": [
    {"task": ▶"mkae", "outputs": {"file": "f"}},
    {"task": "use", "inputs": {"one": "f", ▶"twoo": "g"}},
    {"task": "null", ▶"second": 1},
    {"task": "null", "seconds": ▶"fast"},
    {"task": "null", "requires_metadata_from": [▶"nobody"]}
  ]
}
""",
        (
            "working_directry[\\s\\S]*working_directory",
            "text|string|str",
            "mkae[\\s\\S]*make",
            "twoo[\\s\\S]*two",
            "second[\\s\\S]*seconds",
            "number|float|seconds",
            "nobody",
        ),
    ),
    Broken(
        "bad_expressions_at_all_depths",
        """{
  "parameters": {"a": 1, "b": ▶"(parameters['c'])"},
  "task_list": [
    {"task": "execution_for_loop", "parameter": "i", "linear_range": [0, ▶"(1 +", 3], "task_list": [
      {"task": "null", "seconds": ▶"(metadata['k'])"},
      {"task": "execution_conditional", "criterion": ▶"always", "task_list": [
        {"task": "make", "outputs": {"file": ▶"(open('x'))"}, "b": ▶"(lambda: 1)"}
      ]}
    ]},
    {"task": "null", "seconds": ▶"(constants.dya)"}
  ]
}
""",
        ("parameter", "syntax|expression|pars|closed|expect", "loop|variable|unknown|scope|no metadata", "bool|expression|literal|text", "open", "lambda|function", "dya[\\s\\S]*day"),
    ),
    Broken(
        "wrong_keys_in_all_flow_control",
        """{
  "task_list": [
    {"task": "execution_chain", ▶"tasklist": [], "task_list": [{"task": "null", ▶"sceonds": 1}]},
    {"task": "execution_for_loop", "parameter": "i", "values": [1], ▶"value": [1], "task_list": []},
    {"task": "execution_conditional", "criterion": true, "task_list": [], ▶"else_task_lists": []},
    {"task": "execution_do_while_loop", "iteration_name": "n", "repeat_criterion": false, ▶"max_iteration": 3, "task_list": []}
  ]
}
""",
        ("tasklist[\\s\\S]*task_list", "sceonds[\\s\\S]*seconds", "value", "else_task_lists[\\s\\S]*else_task_list", "max_iteration[\\s\\S]*max_iterations"),
    ),
    Broken(
        "files_and_names_together",
        """{
  "task_list": [
    {"task": "make", "name": "a", "outputs": {"file": ▶"x/y"}},
    {"task": "make", "name": ▶"a", "outputs": {"file": "z"}},
    {"task": "null", "name": "b", "requires_metadata_from": [▶"c"]},
    {"task": "null", "name": "c"},
    {"task": "tune", "count": ▶"three", "level": ▶-0.5, "mode": ▶"slow"}
  ]
}
""",
        ("/", "duplicate|twice|again|more than once|already|unique", "earlier|later|before|after", "int|whole|number|count", "level|0|minimum|least", "fast|thorough"),
    ),
]  # fmt: skip

SEVERAL = [
    Broken(
        "unknown_words_in_one_expression",
        tasks('{"task": "make", "outputs": {"file": "f"}, "c": "(▶metdata[\'i\'] + ▶sqr(▶constants.dya) * [1, ▶2 << 3][0])"}'),
        ("metdata[\\s\\S]*metadata", "sqr[\\s\\S]*sqrt", "dya[\\s\\S]*day", "<<"),
    ),
    Broken(
        "unknown_variables_and_words_in_one_expression",
        in_loop('{"task": "null", "seconds": "(▶metadata[\'j\'] + ▶parameters[\'x\'] + ▶sqr(metadata[\'i\']) + ▶requested_metadata[\'a\'][\'b\'])"}'),
        ("variable 'j'", "parameter 'x'", "sqr", "task 'a'"),
    ),
    Broken(
        "failures_in_one_expression",
        tasks('{"task": "make", "outputs": {"file": "f"}, "c": "([▶1 / 0, 2, -▶sqrt(-1) + 1, {\'a\': ▶int(\'x\')}])"}'),
        ("zero|divi", "sqrt|domain|negative|math", "int\\(|integer|literal|number|invalid"),
    ),
    Broken(
        "failures_in_different_iterations",
        in_loop('{"task": "null", "seconds": "(▶1 / metadata[\'i_index\'] + ▶1 / (metadata[\'i\'] - 2))"}'),
        ("zero|divi", "zero|divi"),
    ),
    Broken(
        "failures_in_a_file_name",
        in_loop('{"task": "make", "outputs": {"file": "(▶[\'a\'][2] + \'_{i_index}\'.format(**metadata) + ▶str(1 / 0))"}}'.replace("▶str(1 / 0)", "str(▶1 / 0)")),
        ("range|index", "zero|divi"),
    ),
    Broken(
        "mistakes_in_one_parameter",
        '{\n  "parameters": {"a": "(▶parameters[\'b\'] + ▶random.random() + ▶sqr(2) + ▶parameters[\'c\'])", "d": "(parameters[\'a\'])"},\n  "task_list": []\n}',
        ("'b'", "random", "sqr", "'c'"),
    ),
    Broken(
        "mistakes_in_max_iterations",
        tasks('{"task": "execution_do_while_loop", "iteration_name": "n", "repeat_criterion": false, "max_iterations": "(▶parameters[\'b\'] + ▶sqr(2))", "task_list": []}'),
        ("'b'", "sqr"),
    ),
    Broken(
        "mistakes_in_one_criterion",
        tasks('{"task": "execution_conditional", "criterion": "(▶metadata[\'i\'] > 1 and ▶sqr(2) < 1)", "task_list": []}'),
        ("variable 'i'", "sqr"),
    ),
    Broken(
        "bad_entries_of_values",
        tasks('{"task": "execution_for_loop", "parameter": "i", "values": [▶null, 1, ▶[2], "(▶1 / 0)", ▶{"a": 1}, "(▶sqr(▶sqr(1)))", ▶"([1])"], "task_list": []}'),
        ("null", "list", "zero|divi", "object", "sqr", "sqr", "list"),
    ),
    Broken(
        "bad_entry_beside_a_late_one",
        tasks('{"task": "execution_for_loop", "parameter": "i", "values": [▶null, "(random.random())", "(▶1 / 0)"], "task_list": []}'),
        ("null", "zero|divi"),
    ),
    Broken(
        "bad_entry_beside_an_indexed_one",
        in_loop('{"task": "execution_for_loop", "parameter": "j", "values": ["(metadata[\'i\'])", ▶"(metadata[\'i\'] if metadata[\'i_index\'] else None)", ▶null], "task_list": []}'),
        ("null", "null"),
    ),
    Broken(
        "bad_entries_of_a_range",
        tasks('{"task": "execution_for_loop", "parameter": "i", "linear_range": [▶"a", ▶true, ▶0], "task_list": []}'),
        ("number", "number|bool", "1|least"),
    ),
    Broken(
        "bad_entries_of_a_logarithmic_range",
        tasks('{"task": "execution_for_loop", "parameter": "i", "log_range": [▶0, ▶"(1 - 2)", "(▶1 / 0)"], "task_list": []}'),
        ("positive", "positive", "zero|divi"),
    ),
    Broken(
        "bad_entries_of_a_range_that_is_an_expression",
        tasks('{"task": "execution_for_loop", "parameter": "i", "linear_range": ▶▶"([\'a\', 1, 0])", "task_list": []}'),
        ("number", "1|least"),
    ),
    Broken(
        "three_ranges",
        tasks('{"task": "execution_for_loop", "parameter": "i", "values": ["(▶sqr(1))"], ▷"linear_range": ▶[0, 1, 2], ▷"log_range": ▷[1, 2, "(▶sqr(2))"], "task_list": []}'),
        ("sqr", "one of", "sqr"),
    ),
]  # fmt: skip
