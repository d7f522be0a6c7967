// SPDX-License-Identifier: EUPL-1.2

package subjects

import "strings"

const (
	// maxPlainFields is how many fields a plain body has at most.
	maxPlainFields = 3
	// sharedBytes is the largest body that its names may keep in memory: those of
	// larger ones are copied, for a name can outlive the value that it came with.
	sharedBytes = 512
)

// plainBody is a request that is nearly always an object of strings without an
// escape in them, {"group":"config","key":"theme","value":"dark"}. Such a body is
// read in a fraction of the time; any other takes the usual way, which also finds
// out what is wrong with it.
type plainBody interface {
	// plainField gives the place of a field that is a string, nil for any other name.
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

func (request *GetRequest) plainField(name string) **string {
	return plainName(name, &request.Group, &request.Key)
}

func (request *ExistsRequest) plainField(name string) **string {
	return plainName(name, &request.Group, &request.Key)
}

func (request *DeleteRequest) plainField(name string) **string {
	return plainName(name, &request.Group, &request.Key)
}

func plainName(name string, group, key **string) **string {
	switch name {
	case "group":
		return group
	case "key":
		return key
	}
	return nil
}

// decodePlain reads a plain body and reports true. Where it reports false the body
// may be anything, and what is in into has no meaning.
func decodePlain(data []byte, into plainBody) bool {
	reader := plainReader{rest: string(data)}
	texts := new([maxPlainFields]string)
	reader.take('{')
	for count := 0; count < maxPlainFields && !reader.failed; count++ {
		place := into.plainField(reader.text())
		reader.take(':')
		if place == nil || *place != nil {
			return false
		}
		texts[count] = reader.text()
		*place = &texts[count]
		if reader.ends() {
			return shareBody(len(data), into, texts)
		}
		reader.take(',')
	}
	return false
}

// shareBody decides what may keep the body in memory.
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

// plainReader takes a plain body apart. After the first thing that is not plain
// what it gives has no meaning.
type plainReader struct {
	rest   string
	failed bool
}

// take passes over a character and the spaces behind it.
func (reader *plainReader) take(char byte) {
	if reader.rest == "" || reader.rest[0] != char {
		reader.failed = true
		return
	}
	index := 1
	for index < len(reader.rest) && reader.rest[index] == ' ' {
		index++
	}
	reader.rest = reader.rest[index:]
}

// text passes over a string that has no escape, and gives what is in it.
func (reader *plainReader) text() string {
	if reader.rest == "" || reader.rest[0] != '"' {
		reader.failed = true
		return ""
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
		return ""
	}
	reader.rest = content[index+1:]
	return content[:index]
}

// ends reports whether the body ends here.
func (reader *plainReader) ends() bool { return !reader.failed && reader.rest == "}" }
