// SPDX-License-Identifier: EUPL-1.2

package flux_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store/internal/flux"
)

// ranged begins a query with stages.
const ranged = `from(bucket: "b") |> range(start: -1h)`

// rangedPrinted is ranged after printing.
const rangedPrinted = `from(bucket: "b") |> range(start: -3600000000000ns)`

// where is a query with one filter.
func where(predicate string) string { return ranged + " |> filter(fn: (r) => " + predicate + ")" }

// predicates are filters, each with its printed form.
var predicates = map[string][2]string{
	"Column":             {`r.a`, `r.a`},
	"ColumnInBrackets":   {`r["a"]`, `r.a`},
	"ColumnOfAnyName":    {`r["a b.$c\"\\\n\t\r"] and r["1"]`, `r["a b.$c\"\\\n\t\r"] and r["1"]`},
	"ReservedColumn":     {`r["and"]`, `r["and"]`},
	"OtherLetters":       {`r.größe_2 == "☂"`, `r.größe_2 == "☂"`},
	"UnreservedWords":    {`r.true or r.r or r.from`, `r.true or r.r or r.from`},
	"Booleans":           {`r.a == true and false != r.b`, `r.a == true and false != r.b`},
	"Integers":           {`r.a < -9223372036854775808 or 0 >= r.a`, `r.a < -9223372036854775808 or 0 >= r.a`},
	"SignOnItsOwn":       {`r.a < - 5`, `r.a < -5`},
	"Unsigned":           {`r.a <= uint(v: "18446744073709551615")`, `r.a <= uint(v: "18446744073709551615")`},
	"Floats":             {`r.a > .5 and r.a < 007.250 and r.a != -1.`, `r.a > 0.5 and r.a < 7.25 and r.a != -1.0`},
	"Strings":            {`r.a == "\x41\x42\"\\\n\r\t\${x} $ "`, `r.a == "AB\"\\\n\r\t\${x} $ "`},
	"StringOfManyLines":  {"r.a == \"x\ny\"", `r.a == "x\ny"`},
	"BytesOfALetter":     {`r.a == "\xe6\x97\xA5"`, `r.a == "日"`},
	"Times":              {`r._time >= 2026-11-22T12:00:00.5+02:00 and r._time < 2026-11-23`, `r._time >= 2026-11-22T10:00:00.5Z and r._time < 2026-11-23T00:00:00Z`},
	"Measurement":        {`r._measurement == "m"`, `r._measurement == "m"`},
	"TwoColumns":         {`r.a == r.b`, `r.a == r.b`},
	"TwoLiterals":        {`1 == 1.0`, `1 == 1.0`},
	"Not":                {`not not r.a and not r.b == 1`, `not not r.a and not r.b == 1`},
	"Exists":             {`exists r.a and not exists r["b c"]`, `exists r.a and not exists r["b c"]`},
	"AndBeforeOr":        {`r.a or r.b and r.c or r.d`, `r.a or (r.b and r.c) or r.d`},
	"Parentheses":        {`(r.a or r.b) and ((r.c))`, `(r.a or r.b) and r.c`},
	"NotOfMany":          {`not (r.a and r.b)`, `not (r.a and r.b)`},
	"ComparisonOfTruths": {`(r.a == 1) == (not r.b)`, `(r.a == 1) == (not r.b)`},
	"Comments":           {"// first == \n r.a // then ) \"\n == // at last\n 1", `r.a == 1`},
	"WithoutSpaces":      {`(r.a==1)and(r.b!="x")`, `r.a == 1 and r.b != "x"`},
}

func TestParser_Parse_Good(t *testing.T) {
	for name, test := range predicates {
		t.Run(name, func(t *testing.T) {
			query, err := flux.Parse(where(test[0]))
			require.NoError(t, err)
			assert.Equal(t, rangedPrinted+" |> filter(fn: (r) => "+test[1]+")", query.String())
		})
	}
	for name, test := range map[string][2]string{
		"NothingBehindTheRange": {ranged, rangedPrinted},
		"ManyStages": {
			ranged + " |> limit(offset: 5, n: 10)\n\t|> sort(columns: [\"_time\", \"a b\"])\r\n |> sort(desc: true, columns: [\"x\"]) |> limit(n: 0) // end",
			rangedPrinted + ` |> limit(n: 10, offset: 5) |> sort(columns: ["_time", "a b"], desc: false) |> sort(columns: ["x"], desc: true) |> limit(n: 0, offset: 0)`,
		},
		"RangeInTimes": {
			`from(bucket: "\"b") |> range(stop: 2026-11-22T10:00:00Z, start: 2026-11-21)`,
			`from(bucket: "\"b") |> range(start: 2026-11-21T00:00:00Z, stop: 2026-11-22T10:00:00Z)`,
		},
		"RangeToNow": {`from(bucket: "b") |> range(start: -1y2mo, stop: now())`, `from(bucket: "b") |> range(start: -14mo0ns, stop: now())`},
		"RangeOfUnits": {
			`from(bucket: "b") |> range(start: -1mo1w1d1h1m1s1ms1us1ns, stop: 2µs)`,
			`from(bucket: "b") |> range(start: -1mo694861001001001ns, stop: 2000ns)`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			query, err := flux.Parse(test[0])
			require.NoError(t, err)
			assert.Equal(t, test[1], query.String())
			again, err := flux.Parse(test[1])
			require.NoError(t, err)
			assert.Equal(t, test[1], again.String())
		})
	}
}

func TestParser_Parse_Bad(t *testing.T) {
	for text, message := range map[string]string{
		``:                             `1:1: the end of the query comes where "from" is expected`,
		`SELECT * FROM entries`:        `1:1: "SELECT" comes where "from" is expected`,
		"\n /":                         `2:2: "/" comes where "from" is expected`,
		"\n WITH x AS (SELECT 1)":      `2:2: "WITH" comes where "from" is expected`,
		"// x\nEXPLAIN SELECT":         `2:1: "EXPLAIN" comes where "from" is expected`,
		`PRAGMA user_version`:          `1:1: "PRAGMA" comes where "from" is expected`,
		`import "x" from()`:            `1:1: "import" comes where "from" is expected`,
		`from`:                         `1:5: the end of the query comes where "(" is expected`,
		`from()`:                       `1:5: from needs the parameter "bucket"`,
		`from(bucket "b")`:             `1:13: a string comes where ":" is expected`,
		`from(bucket: b)`:              `1:14: "b" comes where the name of a bucket, a string, is expected`,
		`from(buckets: "b")`:           `1:6: from has no parameter "buckets" here, only bucket`,
		`from(bucket: "b", bucket:`:    `1:19: from has the parameter "bucket" twice`,
		`from(bucket: "b" bucket:`:     `1:18: "bucket" comes where "," or ")" is expected`,
		`from(bucket: "b",)`:           `1:18: ")" comes where a parameter of from is expected`,
		`from(bucket: "b")`:            `1:18: the end of the query comes where "|>" is expected`,
		`from(bucket: "b") |> filter`:  `1:22: "filter" comes where "range" is expected`,
		`from(bucket: "b") |> range()`: `1:27: range needs the parameter "start"`,
		`from(bucket: "b") |> range(stop: now())`:                        `1:27: range needs the parameter "start"`,
		`from(bucket: "b") |> range(start: 0)`:                           `1:35: "0" comes where a time: 2026-11-22T10:00:00Z, a duration such as -1h, or now() is expected`,
		`from(bucket: "b") |> range(start: -2026-11-22)`:                 `1:36: "2026-11-22" comes where a time: 2026-11-22T10:00:00Z, a duration such as -1h, or now() is expected`,
		`from(bucket: "b") |> range(start: -now())`:                      `1:36: "now" comes where a time: 2026-11-22T10:00:00Z, a duration such as -1h, or now() is expected`,
		`from(bucket: "b") |> range(start: time(v: "x"))`:                `1:35: "time" comes where a time: 2026-11-22T10:00:00Z, a duration such as -1h, or now() is expected`,
		`from(bucket: "b") |> range(start: now(1))`:                      `1:39: "1" comes where ")" is expected`,
		`from(bucket: "b") |> range(start: 2026-13-01)`:                  `1:35: "2026-13-01" is no time: use 2026-11-22 or 2026-11-22T10:00:00.5Z, with Z or an offset such as +02:00`,
		`from(bucket: "b") |> range(start: 2026-11-22T10:00:00)`:         `1:35: "2026-11-22T10:00:00" is no time: use 2026-11-22 or 2026-11-22T10:00:00.5Z, with Z or an offset such as +02:00`,
		`from(bucket: "b") |> range(start: -1m1h)`:                       `1:36: the units of "1m1h" do not go from large to small, each once: y mo w d h m s ms us ns`,
		`from(bucket: "b") |> range(start: -1us1µs)`:                     `1:36: the units of "1us1µs" do not go from large to small, each once: y mo w d h m s ms us ns`,
		`from(bucket: "b") |> range(start: -999999999999d)`:              `1:36: "999999999999d" is longer than any range can be`,
		`from(bucket: "b") |> range(start: -99999999999999999999d)`:      `1:36: "99999999999999999999d" is longer than any range can be`,
		`from(bucket: "b") |> range(start: -1001y)`:                      `1:36: "1001y" is longer than any range can be`,
		`from(bucket: "b") |> range(start: -106751d24h)`:                 `1:36: "106751d24h" is longer than any range can be`,
		`from(bucket: "b") |> range(start: -1d, stop: now(), every: 1h)`: `1:53: range has no parameter "every" here, only start and stop`,

		ranged + ` |> drop()`:                          `1:43: there is no function "drop" here, only filter, sort or limit, behind from and one range`,
		ranged + ` |> range(start: -1h)`:               `1:43: there is no function "range" here, only filter, sort or limit, behind from and one range`,
		ranged + ` |> 5`:                               `1:43: "5" comes where filter, sort or limit is expected`,
		ranged + ` |>`:                                 `1:42: the end of the query comes where filter, sort or limit is expected`,
		ranged + ` x`:                                  `1:40: "x" comes where "|>" or the end of the query is expected`,
		ranged + ` ; DROP TABLE entries`:               `1:40: unexpected character ';'`,
		ranged + ` '`:                                  `1:40: unexpected character '\''`,
		ranged + " \x00":                               `1:40: unexpected character '\x00'`,
		ranged + " \xff":                               `1:40: unexpected character '` + "\ufffd" + `'`,
		ranged + ` "x`:                                 `1:40: the string has no end`,
		ranged + ` |> limit()`:                         `1:48: limit needs the parameter "n"`,
		ranged + ` |> limit(n: -1)`:                    `1:52: "-" comes where a number of rows is expected`,
		ranged + ` |> limit(n: 1.0)`:                   `1:52: "1.0" comes where a number of rows is expected`,
		ranged + ` |> limit(n: 007)`:                   `1:53: "0" comes where "," or ")" is expected`,
		ranged + ` |> limit(n: 9223372036854775808)`:   `1:52: an integer is -9223372036854775808 to 9223372036854775807; for more there is uint(v: "18446744073709551615")`,
		ranged + ` |> sort()`:                          `1:47: sort needs the parameter "columns"`,
		ranged + ` |> sort(columns: "a")`:              `1:57: a string comes where "[" is expected`,
		ranged + ` |> sort(columns: [])`:               `1:58: "]" comes where the name of a column, a string, is expected`,
		ranged + ` |> sort(columns: ["a" "b"])`:        `1:62: a string comes where "," or "]" is expected`,
		ranged + ` |> sort(columns: ["_value"])`:       `1:58: there is no column "_value": a row is a whole point, with the columns _time and _measurement, and its tags and fields by name`,
		ranged + ` |> sort(columns: ["a"], desc: 1)`:   `1:70: "1" comes where true or false is expected`,
		ranged + ` |> filter()`:                        `1:49: filter needs the parameter "fn"`,
		ranged + ` |> filter(fn: (x) => x.a)`:          `1:55: "x" comes where "r" is expected`,
		ranged + ` |> filter(fn: (r) => { return 1 })`: `1:61: "{" comes where a column, r.name, or a value is expected`,
		ranged + ` |> filter(fn: (r) => r.a, onEmpty:`: `1:66: filter has no parameter "onEmpty" here, only fn`,
		where(``): `1:61: ")" comes where a column, r.name, or a value is expected`,

		where(`"a"`):                               `1:61: a string stands with "=>", which is for what is true or false`,
		where(`r._time`):                           `1:61: a time stands with "=>", which is for what is true or false`,
		where(`r.a and 1`):                         `1:69: a number stands with "and", which is for what is true or false`,
		where(`1.5 or r.a`):                        `1:61: a number stands with "or", which is for what is true or false`,
		where(`not "a"`):                           `1:65: a string stands with "not", which is for what is true or false`,
		where(`r`):                                 `1:62: ")" comes where "." is expected`,
		where(`r.`):                                `1:63: ")" comes where the name of a column is expected`,
		where(`r.and == 1`):                        `1:63: "and" is a word of the language: write r["and"]`,
		where(`r[a]`):                              `1:63: "a" comes where the name of a column, a string, is expected`,
		where(`r["a"`):                             `1:66: ")" comes where "]" is expected`,
		where(`r[""] == 1`):                        `1:63: the name of a column is empty`,
		where(`r._field == "a"`):                   `1:63: there is no column "_field": a row is a whole point, with the columns _time and _measurement, and its tags and fields by name`,
		where(`r.a == 1 == true`):                  `1:70: comparisons do not follow one another: use "and", or parentheses`,
		where(`r.a == 1 =~ /x/`):                   `1:70: regular expressions are not allowed here: compare with == != < <= > >=`,
		where(`r.a =~ /x/`):                        `1:65: regular expressions are not allowed here: compare with == != < <= > >=`,
		where(`r.a !~ /x/`):                        `1:65: regular expressions are not allowed here: compare with == != < <= > >=`,
		where(`r.a == /x/`):                        `1:68: regular expressions are not allowed here`,
		where(`r.a = 1`):                           `1:65: "=" comes where "," or ")" is expected`,
		where(`r.a === 1`):                         `1:67: "=" comes where a column, r.name, or a value is expected`,
		where(`r.a + 1 == 2`):                      `1:65: "+" comes where "," or ")" is expected`,
		where(`r.a == -r.b`):                       `1:69: "r" comes where a number is expected`,
		where(`r.a == "x" or`):                     `1:74: ")" comes where a column, r.name, or a value is expected`,
		where(`r.a AND r.b`):                       `1:65: "AND" comes where "," or ")" is expected`,
		where(`(r.a`):                              `1:66: the end of the query comes where "," or ")" is expected`,
		where(`exists 1`):                          `1:68: "1" comes where a column, r.name, is expected`,
		where(`exists r.a == 1`):                   `1:72: "==" comes where "," or ")" is expected`,
		where(`r.a == 'x'`):                        `1:68: unexpected character '\''`,
		where(`r.a == "${x}"`):                     `1:69: "${" would put a value into the string, which is not allowed here; for the characters themselves write "\${"`,
		where(`r.a == "\q"`):                       `1:69: there is no such escape: use \n, \r, \t, \", \\, \${ or \x and two hexadecimal digits`,
		where(`r.a == "\xg0"`):                     `1:69: there is no such escape: use \n, \r, \t, \", \\, \${ or \x and two hexadecimal digits`,
		where(`r.a == "\`):                         `1:69: there is no such escape: use \n, \r, \t, \", \\, \${ or \x and two hexadecimal digits`,
		where(`r.a == "\xff"`):                     `1:68: the string is not UTF-8`,
		where(`r.a == "x`):                         `1:68: the string has no end`,
		where("r.b or\n  r.a ?"):                   `2:7: "?" comes where "," or ")" is expected`,
		where(`r.größe == "x" ?`):                  `1:78: "?" comes where "," or ")" is expected`,
		where(`r.a == 1h`):                         `1:68: the duration "1h" stands in a filter; durations are for range`,
		where(`r.a == 1d or`):                      `1:68: the duration "1d" stands in a filter; durations are for range`,
		where(`r._time > now()`):                   `1:71: "now" comes where a column, r.name, or a value is expected`,
		where(`r.a == "x" < true`):                 `1:72: comparisons do not follow one another: use "and", or parentheses`,
		where(`r.a == ` + strings.Repeat("9", 50)): `1:68: an integer is -9223372036854775808 to 9223372036854775807; for more there is uint(v: "18446744073709551615")`,
		where(`r.a == ` + strings.Repeat("9", 400) + ".0"): `1:68: the number is too large for a float`,
		where(`r.a == uint(v: 5)`):                         `1:76: "5" comes where the digits of an integer, a string, is expected`,
		where(`r.a == uint(v: "-5")`):                      `1:76: an unsigned integer is 0 to 18446744073709551615`,
		where(`r.a == uint(v: "18446744073709551616")`):    `1:76: an unsigned integer is 0 to 18446744073709551615`,
		where(`r.a == uint()`):                             `1:72: uint needs the parameter "v"`,
		where(`r.a < true`):                                `1:65: "<" stands with a boolean, which is equal to another or not`,
		where(`(r.a == 1) >= r.b`):                         `1:72: ">=" stands with a boolean, which is equal to another or not`,
		where(`"a" == 1`):                                  `1:65: a string is compared with a number`,
		where(`true != "a"`):                               `1:66: a boolean is compared with a string`,
		where(`r._measurement == 1`):                       `1:76: a string is compared with a number`,
		where(`r._time == "2026-11-22"`):                   `1:69: a time is compared with something else: only r._time is a time`,
		where(`r.a == 2026-11-22`):                         `1:65: a time is compared with something else: only r._time is a time`,
		where(`r._time == r.a`):                            `1:69: a time is compared with something else: only r._time is a time`,
		where(`r._time == 2026-11-22T25:00:00Z`):           `1:72: "2026-11-22T25:00:00Z" is no time: use 2026-11-22 or 2026-11-22T10:00:00.5Z, with Z or an offset such as +02:00`,
		where(strings.Repeat("(", 101) + "r.a"):            `1:162: parentheses and "not" are nested more than 100 deep`,
		where(strings.Repeat("not ", 101) + "r.a"):         `1:465: parentheses and "not" are nested more than 100 deep`,
		where(`r.` + strings.Repeat("a", 50) + " =="):      `1:116: ")" comes where a column, r.name, or a value is expected`,
		where(`r.a ` + strings.Repeat("a", 50)):            `1:65: "` + strings.Repeat("a", 40) + `"… comes where "," or ")" is expected`,
	} {
		_, err := flux.Parse(text)
		if assert.Error(t, err, text) {
			assert.Equal(t, message, err.Error(), text)
		}
	}
}

func TestParser_Depth_Good(t *testing.T) {
	for _, predicate := range []string{
		strings.Repeat("(", 100) + "r.a" + strings.Repeat(")", 100),
		strings.Repeat("not ", 100) + "r.a",
		"r.a" + strings.Repeat(" and r.a", 5000),
	} {
		_, err := flux.Parse(where(predicate))
		require.NoError(t, err)
	}
}
