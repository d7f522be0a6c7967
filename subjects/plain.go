// SPDX-License-Identifier: EUPL-1.2

package subjects

import "strings"

const (
	// maxPlainFields is how many fields a plain body has at most.
	maxPlainFields = 3
	// sharedBytes is the largest body that its names may keep in memory. Names of larger
	// bodies are copied, because a name can outlive the value of its request.
	sharedBytes = 512
)

// plainBody is a request that is nearly always an object of strings without escapes,
// {"group":"config","key":"theme","value":"dark"}. Such a body is read in a fraction of
// the time. Any other body takes the usual way, which also explains mistakes.
type plainBody interface {
	// plainField returns the place of a field that is a string, nil for any other name.
	plainField(name string) **string
}

func (request *SetRequest) plainField(name string) **string {
	switch name {
	case "group":
		return &request.Group
	case "key":
		return &request.Key
	case "value":
		return &request.Value
	}
	return nil
}

func (request *DeleteRequest) plainField(name string) **string {
	switch name {
	case "group":
		return &request.Group
	case "key":
		return &request.Key
	}
	return nil
}

// PlainEntry reads a plain body with the names of an entry and nothing else. The names are valid, and
// lie in data. group is DefaultGroup if it is left out. PlainEntry reports false for any other body:
// Decode reads that, and says why it is wrong.
//
//	group, key, plain := subjects.PlainEntry([]byte(`{"group":"config","key":"theme"}`))
func PlainEntry(data []byte) (group, key []byte, plain bool) {
	reader := plainReader[[]byte]{rest: data}
	reader.skip('{')
	for {
		name := reader.text()
		reader.skip(':')
		text := reader.text()
		switch {
		case len(text) == 0:
			return nil, nil, false
		case key == nil && string(name) == "key" && len(text) <= MaxKeyBytes:
			key = text
		case group == nil && string(name) == "group" && len(text) <= MaxGroupBytes:
			group = text
		default:
			return nil, nil, false
		}
		if reader.ends() {
			break
		}
		reader.skip(',')
	}
	if group == nil {
		group = defaultGroup
	}
	return group, key, key != nil
}

var defaultGroup = []byte(DefaultGroup)

// decodePlain reads a plain body and reports true. If it reports false, the body may be
// anything, and the content of into has no meaning.
func decodePlain(data []byte, into plainBody) bool {
	reader := plainReader[string]{rest: string(data)}
	texts := new([maxPlainFields]string)
	reader.skip('{')
	for count := 0; count < maxPlainFields && !reader.failed; count++ {
		place := into.plainField(reader.text())
		reader.skip(':')
		if place == nil || *place != nil {
			return false
		}
		texts[count] = reader.text()
		*place = &texts[count]
		if reader.ends() {
			return shareBody(len(data), into, texts)
		}
		reader.skip(',')
	}
	return false
}

// shareBody decides which names may keep the body in memory.
func shareBody(size int, into plainBody, texts *[maxPlainFields]string) bool {
	if size <= sharedBytes {
		return true
	}
	value := into.plainField("value")
	for index := range texts {
		if value == nil || *value != &texts[index] {
			texts[index] = strings.Clone(texts[index])
		}
	}
	return true
}

// plainReader reads the parts of a plain body. After the first part that is not plain,
// its results have no meaning.
type plainReader[Text string | []byte] struct {
	rest   Text
	failed bool
}

// skip passes a character and the spaces after it. It fails if another character comes.
func (reader *plainReader[Text]) skip(char byte) {
	if len(reader.rest) == 0 || reader.rest[0] != char {
		reader.failed = true
		return
	}
	index := 1
	for index < len(reader.rest) && reader.rest[index] == ' ' {
		index++
	}
	reader.rest = reader.rest[index:]
}

// text reads a string without escapes, and returns its content.
func (reader *plainReader[Text]) text() (none Text) {
	if len(reader.rest) == 0 || reader.rest[0] != '"' {
		reader.failed = true
		return none
	}
	content, index := reader.rest[1:], 0
	for {
		index += literalLength(content[index:])
		runes := runesLength(content[index:])
		if runes == 0 {
			break
		}
		index += runes
	}
	if index == len(content) || content[index] != '"' {
		reader.failed = true
		return none
	}
	reader.rest = content[index+1:]
	return content[:index]
}

// ends reports whether the body ends here.
func (reader *plainReader[Text]) ends() bool { return !reader.failed && string(reader.rest) == "}" }
