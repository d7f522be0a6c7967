// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// protocolPage is the public page of the wire contract.
const protocolPage = "../docs/protocol.md"

// pageBlock is a fenced block of the page: its info string, and a message.
type pageBlock struct {
	line    int
	kind    string // request, reply, error, event or permissions
	subject string
	header  nats.Header
	payload string
}

func (block *pageBlock) name() string { return fmt.Sprintf("Line%d_%s", block.line, block.subject) }

// readProtocolPage returns the page without its fenced blocks, and the blocks.
func readProtocolPage(t *testing.T) (prose string, blocks []pageBlock) {
	t.Helper()
	data, err := os.ReadFile(protocolPage)
	require.NoError(t, err)
	var outside, inside strings.Builder
	var open *pageBlock
	for number, line := range strings.Split(string(data), "\n") {
		info, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open == nil:
			kind, subject, _ := strings.Cut(info, " ")
			open = &pageBlock{line: number + 1, kind: kind, subject: subject}
			inside.Reset()
		case isFence:
			open.header, open.payload = splitHeader(strings.TrimSuffix(inside.String(), "\n"))
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			inside.WriteString(line + "\n")
		default:
			outside.WriteString(line + "\n")
		}
	}
	require.Nil(t, open, "a block that is not closed")
	return outside.String(), blocks
}

var headerLine = regexp.MustCompile(`^([A-Za-z-]+): (.*)$`)

// splitHeader separates the headers of a block from its payload. An empty line is between
// them.
func splitHeader(text string) (header nats.Header, payload string) {
	header = nats.Header{}
	for rest := text; ; {
		line, after, more := strings.Cut(rest, "\n")
		match := headerLine.FindStringSubmatch(line)
		if match == nil {
			return header, strings.TrimPrefix(rest, "\n")
		}
		header.Add(match[1], match[2])
		if rest = after; !more {
			return header, ""
		}
	}
}
