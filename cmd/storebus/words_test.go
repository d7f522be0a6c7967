// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v3"
)

func TestWords_SplitWords_Good(t *testing.T) {
	type split struct {
		words []string
		ttl   string
		json  bool
		given map[string]bool
	}
	none := map[string]bool{}
	for name, test := range map[string]struct {
		arguments []string
		expected  split
	}{
		"FlagsAtTheEnd":         {[]string{"a", "b", "--ttl", "60s", "--json"}, split{[]string{"a", "b"}, "60s", true, map[string]bool{"ttl": true, "json": true}}},
		"FlagsInBetween":        {[]string{"--json", "a", "--ttl=60s", "b"}, split{[]string{"a", "b"}, "60s", true, map[string]bool{"ttl": true, "json": true}}},
		"OneDashWillDo":         {[]string{"a", "-ttl", "60s"}, split{[]string{"a"}, "60s", false, map[string]bool{"ttl": true}}},
		"FlagsAfterANumber":     {[]string{"a", "-5", "--ttl", "60s"}, split{[]string{"a", "-5"}, "60s", false, map[string]bool{"ttl": true}}},
		"NumbersAsValues":       {[]string{"--ttl", "-5", "-.5"}, split{[]string{"-.5"}, "-5", false, map[string]bool{"ttl": true}}},
		"ADashIsAWord":          {[]string{"-", "a", "--json"}, split{[]string{"-", "a"}, "", true, map[string]bool{"json": true}}},
		"WordsAfterTwoDashes":   {[]string{"--json", "a", "--", "--ttl", "--", "-b"}, split{[]string{"a", "--ttl", "--", "-b"}, "", true, map[string]bool{"json": true}}},
		"TwoDashesAtTheEnd":     {[]string{"a", "--"}, split{[]string{"a"}, "", false, none}},
		"ThreeDashesAreAWord":   {[]string{"---", "-", "--5"}, split{[]string{"---", "-", "--5"}, "", false, none}},
		"EmptyAndBlankWords":    {[]string{"", " ", " -x"}, split{[]string{"", " ", " -x"}, "", false, none}},
		"ASwitchTurnedOff":      {[]string{"--json=false", "a"}, split{[]string{"a"}, "", false, map[string]bool{"json": true}}},
		"AnEmptyValue":          {[]string{"--ttl=", "a"}, split{[]string{"a"}, "", false, map[string]bool{"ttl": true}}},
		"AValueLikeAFlag":       {[]string{"--ttl", "--json", "a"}, split{[]string{"a"}, "--json", false, map[string]bool{"ttl": true}}},
		"TheLastOfARepeatedOne": {[]string{"--ttl", "1", "--ttl", "2"}, split{nil, "2", false, map[string]bool{"ttl": true}}},
		"AnAlias":               {[]string{"-j"}, split{nil, "", true, map[string]bool{"json": true}}},
		"Nothing":               {nil, split{nil, "", false, none}},
	} {
		t.Run(name, func(t *testing.T) {
			var found split
			command := &cli.Command{
				SkipFlagParsing: true,
				Flags:           []cli.Flag{&cli.StringFlag{Name: "ttl"}, &cli.BoolFlag{Name: "json", Aliases: []string{"j"}}},
				Action: func(_ context.Context, command *cli.Command) (err error) {
					found.words, found.given, err = splitWords(command)
					found.ttl, found.json = command.String("ttl"), command.Bool("json")
					return err
				},
			}
			require.NoError(t, command.Run(t.Context(), append([]string{"test"}, test.arguments...)))
			assert.Equal(t, test.expected, found)
		})
	}
}
