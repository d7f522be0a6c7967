// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
)

// token is the token that admits requests: a given text, or the present content of a
// file. Its digest is compared, in a time that does not depend on the text that was sent.
type token struct {
	file   string
	logger *slog.Logger

	mutex  sync.Mutex
	given  bool
	digest [sha256.Size]byte
	// read is the state of the file when it was last read.
	read fs.FileInfo
}

// newToken takes a text, or a file, or neither. The file must hold a token now.
func newToken(text, file string, logger *slog.Logger) (*token, error) {
	made := &token{file: file, logger: logger}
	switch {
	case text != "" && file != "":
		return nil, errors.New("both Token and TokenFile are given: give one of them")
	case file != "":
		return made, made.readFile()
	case text != "":
		return made, made.set(text)
	}
	return made, nil
}

// set makes a text the token. It returns an error if the text is too short.
func (token *token) set(text string) error {
	if len(text) < MinTokenBytes {
		return fmt.Errorf("the token has %d characters: use %d or more", len(text), MinTokenBytes)
	}
	token.given, token.digest = true, sha256.Sum256([]byte(text))
	return nil
}

// CheckTokenFile returns why Start would refuse a TokenFile, nil if it would not.
//
//	err := web.CheckTokenFile("/etc/storebus/http.token")
func CheckTokenFile(path string) error {
	_, err := newToken("", path, nil)
	return err
}

func (token *token) readFile() error {
	information, err := os.Stat(token.file)
	if err != nil {
		return fmt.Errorf("read the token: %w", err)
	}
	token.read = information
	content, err := os.ReadFile(token.file)
	if err != nil {
		return fmt.Errorf("read the token: %w", err)
	}
	if err := token.set(strings.TrimSpace(string(content))); err != nil {
		return fmt.Errorf("%s: %w", token.file, err)
	}
	return nil
}

// exists reports whether there is a token at all.
func (token *token) exists() bool {
	token.mutex.Lock()
	defer token.mutex.Unlock()
	return token.given
}

// matches compares a text with the token. A file that has changed is read first. If the
// file holds no valid token any more, the token before stays valid.
func (token *token) matches(sent string) bool {
	token.mutex.Lock()
	defer token.mutex.Unlock()
	if token.changed() {
		if err := token.readFile(); err != nil {
			token.logger.Error("the token of HTTP stays as it was", "error", err)
		}
	}
	digest := sha256.Sum256([]byte(sent))
	return token.given && subtle.ConstantTimeCompare(token.digest[:], digest[:]) == 1
}

func (token *token) changed() bool {
	if token.file == "" {
		return false
	}
	now, err := os.Stat(token.file)
	return err == nil && (!os.SameFile(now, token.read) || now.Size() != token.read.Size() || !now.ModTime().Equal(token.read.ModTime()))
}
