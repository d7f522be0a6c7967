// SPDX-License-Identifier: EUPL-1.2

package subjects

// EncodeCursor gives the opaque "next" of a page that ended at key, to be handed
// back as "after".
func EncodeCursor(key string) string {
	return EncodeToken(key)
}

// DecodeCursor gives the key that an "after" stands for. One that no page gave is
// ErrBadRequest with the field "after".
func DecodeCursor(cursor string) (string, error) {
	key, err := DecodeToken(cursor)
	if err == nil {
		err = CheckKey(key)
	}
	if err != nil {
		return "", BadField("after", "after is the next of the page before it, and is left out for the first page: "+err.Error())
	}
	return key, nil
}
