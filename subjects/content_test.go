// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"dappco.re/go/storebus/subjects"
)

func TestContent_NewContent_Good(t *testing.T) {
	t.Run("TextStaysText", func(t *testing.T) {
		content := subjects.NewContent("dark ü \x00")
		assert.Equal(t, "dark ü \x00", *content.Value)
		assert.Nil(t, content.Encoding)
	})
	t.Run("EmptyValueIsAValue", func(t *testing.T) {
		content := subjects.NewContent("")
		require.NotNil(t, content.Value)
		assert.Empty(t, *content.Value)
	})
	t.Run("OtherBytesAreBase64", func(t *testing.T) {
		content := subjects.NewContent("\xff\xfe")
		assert.Equal(t, "//4=", *content.Value)
		assert.Equal(t, "base64", *content.Encoding)
	})
}

func TestContent_Bytes_Good(t *testing.T) {
	t.Run("AnyBytesComeBack", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			value := string(rapid.SliceOf(rapid.Byte()).Draw(t, "value"))
			decoded, err := subjects.NewContent(value).Bytes()
			require.NoError(t, err)
			assert.Equal(t, value, decoded)
		})
	})
	t.Run("TextMayTravelAsBase64", func(t *testing.T) {
		value, err := subjects.Content{Value: new("ZGFyaw=="), Encoding: new("base64")}.Bytes()
		require.NoError(t, err)
		assert.Equal(t, "dark", value)
	})
}

func TestContent_Bytes_Bad(t *testing.T) {
	t.Run("NoValue", func(t *testing.T) {
		_, err := subjects.Content{}.Bytes()
		requireBadField(t, err, "value")
		assert.ErrorContains(t, err, "value is required")
		_, err = subjects.Content{Encoding: new("base64")}.Bytes()
		requireBadField(t, err, "value")
	})
	t.Run("UnknownEncoding", func(t *testing.T) {
		for _, encoding := range []string{"", "BASE64", "base64 ", "hex"} {
			_, err := subjects.Content{Value: new(""), Encoding: &encoding}.Bytes()
			requireBadField(t, err, "encoding")
		}
	})
	t.Run("BadBase64", func(t *testing.T) {
		for _, value := range []string{"/", "//4", "//4=\n", "//\r\n4=", "__4=", "//4= ", "//5=", "=", "ZGFyaw==ZGFyaw==", "ü"} {
			_, err := subjects.Content{Value: &value, Encoding: new("base64")}.Bytes()
			requireBadField(t, err, "value")
			assert.ErrorContains(t, err, "base64")
		}
	})
}
