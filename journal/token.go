// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// token authorises requests. A token from a file is read again when the endpoint refuses it.
type token struct {
	file string
	text string
	// before is the replaced token: the endpoint may still repeat it.
	before string
}

func newToken(config *Config) (*token, error) {
	if config.TokenFile == "" {
		return &token{text: config.Token}, checkToken(config.Token)
	}
	text, err := readToken(config.TokenFile)
	return &token{file: config.TokenFile, text: text}, err
}

// readAgain takes the token that the file holds now, and reports whether it is another one.
// A file that cannot be read leaves the token as it was.
func (token *token) readAgain() (changed bool, err error) {
	if token.file == "" {
		return false, nil
	}
	text, err := readToken(token.file)
	if err != nil || text == token.text {
		return false, err
	}
	token.before, token.text = token.text, text
	return true, nil
}

// hide takes the token out of a text that somebody else has written.
func (token *token) hide(text string) string {
	for _, secret := range []string{token.text, token.before} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

func readToken(file string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	text := strings.TrimSpace(string(content))
	if text == "" {
		return "", fmt.Errorf("the token file %s is empty", file)
	}
	if err := checkToken(text); err != nil {
		return "", fmt.Errorf("the token file %s: %w", file, err)
	}
	return text, nil
}

// checkToken refuses a token that a header cannot carry.
func checkToken(text string) error {
	if strings.ContainsFunc(text, isControl) {
		return errors.New("the token holds a control character: use one line of text")
	}
	return nil
}
