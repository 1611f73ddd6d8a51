"""The sandbox: its sessions in memory, and its servers met by foreign clients."""
