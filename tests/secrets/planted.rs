//! The secrets, each different from all others, and where a user puts each of them.
//!
//! The vaults were made with `ansible-vault` of ansible-core 2.18; their passwords are planted secrets too.

/// One secret and its place.
pub(crate) struct Planted {
    pub(crate) value: &'static str,
    pub(crate) place: &'static str,
    /// Whether it is in the arguments or the environment of a process by the user's own will.
    pub(crate) in_processes: bool,
}

const fn hidden(value: &'static str, place: &'static str) -> Planted {
    Planted {
        value,
        place,
        in_processes: false,
    }
}

const fn shown_to_processes(value: &'static str, place: &'static str) -> Planted {
    Planted {
        value,
        place,
        in_processes: true,
    }
}

pub(crate) const PLANTED: [Planted; 33] = [
    hidden("Ssh-01-pw/Lk92", "ansible_password of the inventory"),
    hidden("Become-02-Xr71", "ansible_become_password in group_vars"),
    hidden(
        "Phrase-03-Mn40",
        "ansible_ssh_private_key_passphrase in host_vars",
    ),
    hidden("Db-04-\"p'w/Uu31", "a variable db_password in group_vars"),
    hidden("Api-05-tok+Zz82", "a variable api_token in host_vars"),
    hidden("Inl1ne-06-\"q/Tv9", "an inline vaulted value in group_vars"),
    hidden("Vp-07-main-Qz81", "a vault password in a file"),
    hidden(
        "Whole-08-fileLeaf7",
        "a file of vars_files that is encrypted as a whole",
    ),
    hidden("Ops-09-wB3$kk7", "an inline vaulted value under an id"),
    hidden("Vp-10-ops-Rk55", "a vault password that a program prints"),
    // The command line that starts windlass is the user's own, and so is the program's, for as long as it runs.
    shown_to_processes("Extra-11-Gh29", "-e db_root_password=..."),
    hidden("Extra-12-Jk57", "-e @file"),
    shown_to_processes("Extra-13-Pl66", "-e with JSON"),
    hidden("Asked-14-Wd03", "--become-password-file"),
    // The user's own command has it as an argument, as it would with Ansible.
    shown_to_processes("Arg-15-Yt48", "an argument of a command under no_log"),
    hidden("Result-16-Cv94", "what a command prints under no_log"),
    shown_to_processes("Item-17-Be20", "an item of a loop under no_log"),
    hidden("Reg-18-Ns63", "registered under no_log, and used later"),
    hidden("Fact-19-Au75", "set_fact under no_log"),
    hidden("Tpl-20-Oi39", "a template under no_log with --diff"),
    hidden(
        "Copy-21-Ke86",
        "the content of copy under no_log with --diff",
    ),
    // The environment of the user's own command has it, as it would with Ansible.
    shown_to_processes("Env-22-Rw17", "the keyword environment"),
    hidden("Url-23-Fs52", "a password in a URL"),
    hidden(
        "Old-24-Lq98",
        "old content of a file, in the undo log, under no_log",
    ),
    hidden(
        "Fail-25-Vm34",
        "the error of a task that fails under no_log",
    ),
    hidden(
        "Tmpl-26-Hh4z",
        "a vaulted value that a template error quotes",
    ),
    hidden("Basic-27-Dp60", "an Authorization header"),
    hidden(
        "K10node-28-Ez45::server:91",
        "a token that slurp reads under no_log",
    ),
    hidden(
        "MIIEvKey30LineOneAAAAB3NzaC1yc2E",
        "a line of a key in an encrypted file, in a diff",
    ),
    hidden("Key30LineTwoQQQqqq777/+zz", "another line of it"),
    hidden("Whole-31-nest3d", "a value deep in an encrypted file"),
    hidden("Hook-32-path-Tj26", "the path of a webhook"),
    hidden("Hook-33-Yb95", "the token of a webhook"),
];

/// The password of the vaults, and of those under the id `ops`.
pub(crate) const VAULT_PASSWORD: &str = "Vp-07-main-Qz81";
pub(crate) const OPS_PASSWORD: &str = "Vp-10-ops-Rk55";

/// `Inl1ne-06-"q/Tv9`.
pub(crate) const INLINE: &str = r"!vault |
          $ANSIBLE_VAULT;1.1;AES256
          66356231303031663439616534663336633533323834633163346538323166643961393838653739
          6634366336663362643330393564373666653830363863370a306431623936346465376164616431
          65343534666538626538316635313165353863653636336364653464613135373763653234386633
          3362316333613136390a353361343835363562323039623339323136393931373237623732313238
          32363837326437616437303836656264313262383666663066393030383038643963";

/// `Ops-09-wB3$kk7`, under the id `ops`.
pub(crate) const OPS: &str = r"!vault |
          $ANSIBLE_VAULT;1.2;AES256;ops
          65623133383933353634336364656664373564323866376262336633646538626330626336316131
          6133646165303130303131643739303165383564396433390a313162623034636534383231383861
          35663765613864393633636634636233366237353161363462323137363161386164616466613738
          6562623561613731620a653662643731656465353464653462333839373337303933336233313134
          3762";

/// `{"k": Tmpl-26-Hh4z`: no JSON, so a template that reads it as JSON fails.
pub(crate) const BROKEN: &str = r"!vault |
          $ANSIBLE_VAULT;1.1;AES256
          39613961313335326435353364663733363465353462626433653432653430386561376239626331
          3734356131613234373861623063346335666131323261300a646366636634313030653931653431
          32656263366635653436656435633331343961373131363238636262326461653935306161373361
          3339373462333361610a626364623439633039316166613432613866306665356263326665326132
          31353435363464613363303634373663373763613266303733333239613863653362";

/// A file with `whole_leaf`, `nested.deep` and `signing_key`.
pub(crate) const WHOLE: &str = "$ANSIBLE_VAULT;1.1;AES256
36633061346332323962356436343135343634373833616635653963343662306264666462633861
3361306136343166636563373539633363356432366362660a343730356265373763383962373030
34633733393339336261653138366136623366373565626531643966613164346165323536643263
6632323633393334630a363936313430616530623139653539313130376238386236353031616235
31613963373061613666323233306335646162616238333637356365356137363764383064306630
61386466613536316137333761326331666433383464303063346536326265366639373431376237
35323462373336356261643965646335386134653665353764643962643231343864393430323130
63626263613863636165373630363865386435613863643534373837346662376635393963653131
39303761326334633036303165633936653032386163353535623965376232343961646537653134
35366135393738336566613834646430313865313966373166393662316365303138323664663263
32333862356436303132646133643330613239653432316633313561626434306166613161373136
66633863376336643463613263306630643534393338626235303364323966343038353233623536
37383861343639356565643332373630393935373339343537383664613231356238623465393062
3264323138643664626637306237333438613462363134373232
";
