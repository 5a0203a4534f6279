p := 1

package late
