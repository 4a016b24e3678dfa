//! Sessions and who-am-I.
